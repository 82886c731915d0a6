import type { DpEvent } from '../events/dp-event.js';

/** What must hold in the world for the bound of an event to be true, as full sentences' ends. */
export interface EventDescription {
  /** What was done, as a noun phrase. */
  readonly release: string;
  /** What the bound takes for granted. */
  readonly assumptions: readonly string[];
}

/** Lists of more parts than this are summed up by their number. */
const LISTED = 4;

/** Puts an event into words, with the assumptions that its kind of sampling brings. */
export function describeEvent(event: DpEvent): EventDescription {
  const types = new Set<DpEvent['type']>();
  collect(event, types, new Set());
  const assumptions: string[] = [];
  if (types.has('gaussian') || types.has('vectorDiscreteGaussian')) {
    assumptions.push(
      'each example’s contribution was clipped before it was added up',
      'the noise was fresh, secret and of the stated size',
    );
  }
  if (types.has('poissonSampled')) {
    assumptions.push(
      'each batch held every example independently with the stated probability, which is public, and its size was not revealed',
    );
  }
  if (types.has('shuffled')) {
    assumptions.push(
      'every example was in exactly one batch of each pass, and the number of examples and of batches is public',
    );
  }
  assumptions.push(
    'nothing else that was computed from the same examples was released (statistics, other runs, a choice of settings)',
  );
  return { release: phrase(event), assumptions };
}

function collect(event: DpEvent, types: Set<DpEvent['type']>, seen: Set<DpEvent>): void {
  if (seen.has(event)) return;
  seen.add(event);
  types.add(event.type);
  if (event.type === 'composed') for (const part of event.events) collect(part, types, seen);
  else if ('event' in event) collect(event.event, types, seen);
}

function phrase(event: DpEvent): string {
  switch (event.type) {
    case 'noOp':
      return 'nothing';
    case 'nonPrivate':
      return `a release without protection${event.reason === undefined ? '' : ` (${event.reason})`}`;
    case 'gaussian':
      return `a sum with Gaussian noise of multiplier ${formatNumber(event.noiseMultiplier)}`;
    case 'vectorDiscreteGaussian': {
      const { standardDeviation, l2NormClip, granularity, dimension } = event;
      return (
        `a sum of ${formatCount(dimension)} coordinates on a grid of ${formatNumber(granularity / l2NormClip)} of the ` +
        `clipping norm with discrete Gaussian noise of multiplier ${formatNumber(standardDeviation / l2NormClip)}`
      );
    }
    case 'poissonSampled':
      return `${phrase(event.event)} on a Poisson sample of probability ${formatNumber(event.samplingProbability)}`;
    case 'shuffled':
      return `one pass over batches, of each ${phrase(event.event)}`;
    case 'composed': {
      if (event.events.length === 0) return 'nothing';
      const listed = event.events.slice(0, LISTED).map(phrase);
      const rest = event.events.length - listed.length;
      return [...listed, ...(rest > 0 ? [`${formatCount(rest)} more releases`] : [])].join('; and ');
    }
    case 'selfComposed':
      return `${formatCount(event.count)} × ${event.event.type === 'composed' ? `(${phrase(event.event)})` : phrase(event.event)}`;
  }
}

/** 14063 → `14,063`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** So many significant digits, without an exponent where that is shorter to read. */
export function formatNumber(value: number, digits = 6): string {
  const short = Number(value.toPrecision(digits));
  const magnitude = Math.abs(short);
  return magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e6) ? short.toExponential() : String(short);
}
