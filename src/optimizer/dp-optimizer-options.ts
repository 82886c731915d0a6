import { DpError } from 'privacy-accounting';
import { type Clipping, flatClipping, requireClipping, splitNoise } from './clipping/index.js';
import { type NoiseKind, requireNoise } from './noise-kind.js';
import { refuseUnknownKeys } from './option-keys.js';
import { requireSchedule, type Schedule, scheduleRange } from './schedules/index.js';

/** What a DP-SGD step needs; every field is public knowledge. A schedule is a function of the logical step. */
export interface DpOptimizerOptions {
  /** C > 0: each example's gradient over all parameters is scaled down to at most this L2 norm. */
  readonly l2NormClip: number | Schedule;
  /** σ ≥ 0: the noise on the *sum* of clipped gradients is N(0, (σC)²) in every coordinate. 0 is not private. */
  readonly noiseMultiplier: number | Schedule;
  /** Public divisor of the noisy sum, whatever size a batch really has. */
  readonly expectedBatchSize: number;
  /** Which parameters share a norm, and what is done with it; `flatClipping()` unless given. */
  readonly clipping?: Clipping;
  /** Set on the inner optimizer before each update; left to that optimizer unless given. */
  readonly learningRate?: number | Schedule;
  /** Real-valued or discrete noise; `{ kind: 'gaussian' }` unless given. */
  readonly noise?: NoiseKind;
  /** A fixed seed makes the noise predictable: for tests, never private, and everything downstream says so. */
  readonly seed?: string | number;
}

/** The options of an optimizer, checked and complete. */
export interface SettledOptions extends DpOptimizerOptions {
  readonly clipping: Clipping;
  readonly noise: NoiseKind;
}

/** A frozen copy; throws `DP_INVALID_ARGUMENT` naming the first option that is unknown or out of range. */
export function settleOptions(options: DpOptimizerOptions): SettledOptions {
  if (typeof options !== 'object' || options === null) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected { l2NormClip, noiseMultiplier, expectedBatchSize }, got ${typeof options}.`,
    );
  }
  refuseUnknownKeys('dpOptimizer', options, {
    l2NormClip: true,
    noiseMultiplier: true,
    expectedBatchSize: true,
    clipping: true,
    learningRate: true,
    noise: true,
    seed: true,
  } satisfies Record<keyof DpOptimizerOptions, true>);
  const { expectedBatchSize, seed } = options;
  const wrong = (name: string, range: string, value: unknown) =>
    new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected ${name} ${range}, got ${typeof value === 'object' ? JSON.stringify(value) : String(value)}.`,
    );
  const l2NormClip = scheduled('l2NormClip', options.l2NormClip);
  const clips = scheduleRange(l2NormClip);
  if (!(clips.min > 0)) throw wrong('l2NormClip', '> 0', l2NormClip);
  const noiseMultiplier = scheduled('noiseMultiplier', options.noiseMultiplier);
  const sigmas = scheduleRange(noiseMultiplier);
  if (!(sigmas.min >= 0 && sigmas.max < Number.POSITIVE_INFINITY)) {
    throw wrong('noiseMultiplier', 'in [0, ∞)', noiseMultiplier);
  }
  if (
    typeof expectedBatchSize !== 'number' ||
    !(expectedBatchSize > 0 && Number.isFinite(expectedBatchSize))
  ) {
    throw wrong('expectedBatchSize', 'a finite number > 0', expectedBatchSize);
  }
  if (sigmas.max > 0 && !Number.isFinite(clips.max)) {
    throw wrong('l2NormClip', 'finite when there is noise', l2NormClip);
  }
  const clipping = options.clipping === undefined ? flatClipping() : requireClipping(options.clipping);
  requireCompatible(clipping, l2NormClip);
  // More groups than one may want more: that shows once the variables are known.
  if (clipping.kind === 'adaptive') {
    splitNoise({ clipping, noiseMultiplier: sigmas.max, expectedBatchSize, groups: 1 });
  }
  const noise = requireNoise(options.noise ?? { kind: 'gaussian' });
  if (noise.kind !== 'gaussian' && clipping.kind === 'adaptive') {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      'Expected gaussian noise with adaptive clipping, whose counts are noised together with the gradients, got ' +
        'discrete-gaussian: no event covers both. Choose another clipping.',
    );
  }
  const learningRate =
    options.learningRate === undefined ? undefined : scheduled('learningRate', options.learningRate);
  if (learningRate !== undefined && !(scheduleRange(learningRate).max < Number.POSITIVE_INFINITY)) {
    throw wrong('learningRate', 'finite and ≥ 0', learningRate);
  }
  return Object.freeze({
    l2NormClip,
    noiseMultiplier,
    expectedBatchSize,
    clipping,
    noise,
    ...(learningRate === undefined ? {} : { learningRate }),
    ...(seed === undefined ? {} : { seed }),
  });
}

/** A number ≥ 0 that is not NaN, or a well-formed schedule. */
function scheduled(name: string, value: number | Schedule): number | Schedule {
  if (typeof value === 'object' && value !== null) return requireSchedule(value, name);
  if (typeof value !== 'number' || !(value >= 0)) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected ${name} to be a number ≥ 0 or a schedule, got ${String(value)}.`,
    );
  }
  return value;
}

/** Strategies that say themselves how large C is take no schedule of it beside. */
function requireCompatible(clipping: Clipping, l2NormClip: number | Schedule): void {
  if (typeof l2NormClip === 'object') {
    const absolute =
      clipping.kind === 'per-group' && clipping.groups.some((rule) => rule.share === undefined);
    if (clipping.kind !== 'adaptive' && !absolute) return;
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected l2NormClip to be a number with ${clipping.kind} clipping, which ` +
        `${absolute ? 'fixes the groups’ bounds: give shares instead' : 'moves C itself'}; got a schedule.`,
    );
  }
  if (Number.isFinite(l2NormClip) || clipping.kind === 'flat' || clipping.kind === 'per-layer') return;
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    `Expected a finite l2NormClip with ${clipping.kind} clipping, got ${l2NormClip}.`,
  );
}
