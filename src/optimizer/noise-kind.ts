import { DpError } from 'privacy-accounting';
import {
  type BackgroundGaussianSource,
  backgroundGaussianSource,
  type DiscreteGaussianMechanism,
  defaultGranularity,
  discreteGaussianMechanism,
  discreteGaussianSource,
  type GaussianSource,
  gaussianSource,
  MAX_GRANULARITY,
  MIN_GRANULARITY,
  type RandomWords,
  secureRandomWords,
} from '../noise/index.js';
import { refuseUnknownKeys } from './option-keys.js';

/**
 * Which noise is added: real-valued Gaussian noise in floating point (the default), or discrete Gaussian noise on a
 * grid to which the sum is rounded first (Canonne, Kamath & Steinke 2020, 2004.00010), exact to the last bit and slower.
 *
 * `granularity` is the step of the grid, a power of two in the units of the gradients that are released, those of
 * C/expectedBatchSize; unless given, the coarsest that adds at most 0.1 % to the sensitivity.
 */
export type NoiseKind =
  | { readonly kind: 'gaussian' }
  | { readonly kind: 'discrete-gaussian'; readonly granularity?: number };

/** A frozen copy of a well-formed kind, as from JSON; throws `DP_INVALID_ARGUMENT` for any other value. */
export function requireNoise(value: unknown): NoiseKind {
  const given = value as { readonly kind?: unknown; readonly granularity?: unknown } | null | undefined;
  if (given?.kind === 'gaussian') {
    refuseUnknownKeys('noise', given, { kind: true });
    return Object.freeze({ kind: 'gaussian' });
  }
  if (given?.kind !== 'discrete-gaussian') {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected noise of kind 'gaussian' or 'discrete-gaussian', got ${JSON.stringify(value)}.`,
    );
  }
  refuseUnknownKeys('noise', given, { kind: true, granularity: true });
  const { granularity } = given;
  if (granularity === undefined || granularity === null) return Object.freeze({ kind: 'discrete-gaussian' });
  if (
    typeof granularity !== 'number' ||
    !(granularity >= MIN_GRANULARITY && granularity <= MAX_GRANULARITY) ||
    2 ** Math.round(Math.log2(granularity)) !== granularity
  ) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected granularity to be a power of two from 2^-100 to 2^60, got ${String(granularity)}.`,
    );
  }
  return Object.freeze({ kind: 'discrete-gaussian', granularity });
}

/** What a discrete release is beside its noise multiplier, all in the units of the released gradients. */
export interface Grid {
  readonly granularity: number;
  /** Coordinates that are released together. */
  readonly dimension: number;
  readonly l2NormClip: number;
  readonly standardDeviation: number;
}

/** The grid of one step; undefined where the noise is real-valued, or none. */
export function gridOf(
  noise: NoiseKind,
  step: {
    readonly dimension: number;
    readonly l2NormClip: number;
    readonly noiseMultiplier: number;
    readonly expectedBatchSize: number;
  },
): Grid | undefined {
  if (noise.kind === 'gaussian' || step.noiseMultiplier === 0) return undefined;
  const { dimension, noiseMultiplier, expectedBatchSize } = step;
  const l2NormClip = step.l2NormClip / expectedBatchSize;
  const standardDeviation = (noiseMultiplier * step.l2NormClip) / expectedBatchSize;
  const release = { dimension, l2NormClip, standardDeviation };
  return { granularity: noise.granularity ?? defaultGranularity(release), ...release };
}

/** The noise of one optimizer, from one source of words; secure noise of many parameters is drawn ahead. */
export class NoiseMaker {
  readonly secure: boolean;
  readonly gaussian: GaussianSource;
  private readonly drawsAhead: boolean;
  private readonly discrete: ReturnType<typeof discreteGaussianSource>;
  private onGrid: DiscreteGaussianMechanism | undefined;
  private ahead: BackgroundGaussianSource | undefined;

  /** `words` are the platform's secure ones unless given. */
  constructor(words?: RandomWords) {
    this.drawsAhead = words === undefined && hasIdleCore();
    const own = words ?? secureRandomWords();
    this.secure = own.secure;
    this.gaussian = gaussianSource(own);
    this.discrete = discreteGaussianSource(own);
  }

  get wordsConsumed(): number {
    return this.gaussian.wordsConsumed + this.discrete.wordsConsumed + (this.ahead?.wordsConsumed ?? 0);
  }

  /** What noises a step of so many samples; real-valued where there is no grid. */
  of(grid: Grid | undefined, samples: number): GaussianSource | DiscreteGaussianMechanism {
    if (grid === undefined) {
      if (!this.drawsAhead || samples < 1) return this.gaussian;
      // Half of them ready: the thread draws on while those are taken, and memory is half.
      this.ahead ??= backgroundGaussianSource({ samples: Math.ceil(samples / 2) });
      return this.ahead;
    }
    if (this.onGrid?.granularity !== grid.granularity) {
      this.onGrid = discreteGaussianMechanism(this.discrete, grid.granularity);
    }
    return this.onGrid;
  }

  /** Ends the thread that draws ahead. */
  close(): void {
    this.ahead?.close();
  }
}

/**
 * On one or two cores a second thread would take its time from the step, whose kernels use both: a step of ten million
 * parameters took as long with the thread as without.
 */
function hasIdleCore(): boolean {
  const os = globalThis.process?.getBuiltinModule?.('node:os');
  return os !== undefined && os.availableParallelism() > 2;
}
