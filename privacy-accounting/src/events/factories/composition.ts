import type {
  ComposedEvent,
  DpEvent,
  JsonValue,
  NonPrivateEvent,
  NoOpEvent,
  SelfComposedEvent,
  UnsupportedEvent,
} from '../dp-event.js';
import { buildEvent } from '../parse.js';

/** Nothing was released: ε = 0. */
export function noOp(): NoOpEvent {
  return buildEvent('noOp', {}, 'noOp') as NoOpEvent;
}

/**
 * A release without a guarantee: ε = ∞ for everything that contains it.
 *
 * @example
 * nonPrivate({ reason: 'seeded noise' });
 */
export function nonPrivate(options: { readonly reason?: string } = {}): NonPrivateEvent {
  return buildEvent('nonPrivate', options, 'nonPrivate') as NonPrivateEvent;
}

/**
 * A release that no event describes: no accountant bounds what contains it. `original` is any JSON, kept as it is.
 *
 * @example
 * unsupported({ reason: 'an event of a newer version', original: { type: 'sparseVector', epsilon: 1 } });
 */
export function unsupported(options: {
  readonly reason: string;
  readonly original?: JsonValue;
}): UnsupportedEvent {
  return buildEvent('unsupported', options, 'unsupported') as UnsupportedEvent;
}

/** Several releases on the same data, adaptively. `composed([])` is nothing at all. */
export function composed(events: readonly DpEvent[]): ComposedEvent {
  return buildEvent('composed', { events }, 'composed') as ComposedEvent;
}

/**
 * `event`, `count` times, adaptively; `count` is a whole number from 0 to 2⁵³ − 1.
 *
 * @example
 * const step = poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 1.1 }) });
 * selfComposed({ count: 10_000, event: step });
 */
export function selfComposed(options: {
  readonly count: number;
  readonly event: DpEvent;
}): SelfComposedEvent {
  return buildEvent('selfComposed', options, 'selfComposed') as SelfComposedEvent;
}
