import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';

type BatchNormalizationArgs = NonNullable<Parameters<typeof tfl.layers.batchNormalization>[0]>;
type LayerArgs = NonNullable<ConstructorParameters<typeof tfl.layers.Layer>[0]>;

/** Where γ and β come from and what is asked of them, as for `tfl.layers.batchNormalization`. */
type ScaleAndCenterArgs = Pick<
  BatchNormalizationArgs,
  | 'betaInitializer'
  | 'gammaInitializer'
  | 'betaRegularizer'
  | 'gammaRegularizer'
  | 'betaConstraint'
  | 'gammaConstraint'
>;

/** Options of {@link groupNormalization}; names and defaults are those of Keras. */
export interface GroupNormalizationArgs extends LayerArgs, ScaleAndCenterArgs {
  /** Into how many groups the channels are divided; −1 for one channel a group. 32 unless given. */
  readonly groups?: number;
  /** The axis of the channels; −1, the last, unless given. Never the batch. */
  readonly axis?: number;
  /** Added to the variance; 1e-3 unless given. */
  readonly epsilon?: number;
  /** Whether to add β. True unless given. */
  readonly center?: boolean;
  /** Whether to multiply by γ. True unless given. */
  readonly scale?: boolean;
}

const TERMS = [
  'betaInitializer',
  'gammaInitializer',
  'betaRegularizer',
  'gammaRegularizer',
  'betaConstraint',
  'gammaConstraint',
] as const satisfies readonly (keyof ScaleAndCenterArgs)[];

/** The same options, with names turned into objects. */
interface Terms {
  readonly betaInitializer: ReturnType<typeof tfl.initializers.zeros>;
  readonly gammaInitializer: ReturnType<typeof tfl.initializers.zeros>;
  readonly betaRegularizer: ReturnType<typeof tfl.regularizers.l1>;
  readonly gammaRegularizer: ReturnType<typeof tfl.regularizers.l1>;
  readonly betaConstraint: ReturnType<typeof tfl.constraints.nonNeg>;
  readonly gammaConstraint: ReturnType<typeof tfl.constraints.nonNeg>;
}

/**
 * y = γ · (x − μ) / √(v + ε) + β, with mean μ and variance v over one group of channels, and all positions, of one
 * example (Wu and He 2018, 1803.08494, eq. 1–4).
 *
 * The replacement for batch normalisation in private training: no statistic crosses examples, none is stored, and
 * training and inference are the same. Input [batch, …, channels, …] of rank 2 to 5, with the channels on `axis`;
 * `groups` = 1 is layer normalisation over everything but the batch, −1 instance normalisation. γ and β have shape
 * [channels]. Variance is taken in two passes, so a large mean costs no digits. A group with the same value everywhere
 * gives β. A group of *one* value always does: keep several channels in a group where there are no positions.
 *
 * Throws `DP_INVALID_ARGUMENT` where `groups` does not divide the channels or an option is out of range.
 *
 * @example
 * const model = tfl.sequential({ layers: [
 *   tfl.layers.conv2d({ filters: 16, kernelSize: 3, inputShape: [28, 28, 1] }),
 *   groupNormalization({ groups: 4 }),
 * ] });
 */
export class GroupNormalization extends tfl.layers.Layer {
  static readonly className = 'GroupNormalization';

  readonly groups: number;
  readonly axis: number;
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;

  private readonly terms: Terms;
  private readonly termsConfig: tf.serialization.ConfigDict;
  private gamma: tfl.LayerVariable | undefined;
  private beta: tfl.LayerVariable | undefined;

  constructor(args: GroupNormalizationArgs = {}) {
    super(args);
    const { groups = 32, axis = -1, epsilon = 1e-3, center = true, scale = true } = args;
    // Keras files may give the axis as a list of one.
    const [only = -1] = Array.isArray(axis) ? (axis as readonly number[]) : [axis];
    if (!Number.isInteger(groups) || (groups < 1 && groups !== -1)) {
      throw outOfRange('groups', 'a whole number from 1, or -1 for one channel a group', groups);
    }
    if (!Number.isInteger(only) || only === 0 || (Array.isArray(axis) && axis.length !== 1)) {
      throw outOfRange('axis', 'one axis that is not the batch: from 1, or from -1 at the end', axis);
    }
    if (!(epsilon > 0) || !Number.isFinite(epsilon)) {
      throw outOfRange(
        'epsilon',
        'a finite number above 0: without it a constant group divides by zero',
        epsilon,
      );
    }
    this.groups = groups;
    this.axis = only;
    this.epsilon = epsilon;
    this.center = center;
    this.scale = scale;
    this.supportsMasking = true;
    // tfjs-layers keeps to itself what turns names into initialisers; a layer that takes the same options lends it.
    const given = Object.fromEntries(
      TERMS.map((term) => [term, args[term]]).filter(([, value]) => value != null),
    );
    const lender = tfl.layers.batchNormalization({ ...given, name: `${this.name}_terms` });
    const config = lender.getConfig();
    this.terms = lender as unknown as Terms;
    this.termsConfig = Object.fromEntries(TERMS.map((term) => [term, config[term] ?? null]));
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const shape = oneShape(inputShape);
    if (shape.length < 2 || shape.length > 5) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected an input of rank 2 to 5 for '${this.name}', got shape [${shape}].`,
      );
    }
    const axis = this.axis < 0 ? this.axis + shape.length : this.axis;
    const channels = shape[axis];
    if (axis < 1 || axis >= shape.length || typeof channels !== 'number') {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected axis ${this.axis} of the input of '${this.name}' to hold a known number of channels, got shape ` +
          `[${shape.map((extent) => extent ?? '?')}].`,
      );
    }
    const groups = this.groups === -1 ? channels : this.groups;
    if (channels % groups !== 0) {
      const divisors = Array.from({ length: channels }, (_, i) => i + 1).filter((g) => channels % g === 0);
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected a number of groups that divides the ${channels} channels of '${this.name}', got ${groups}. ` +
          `Choose one of ${divisors.join(', ')}.`,
      );
    }
    this.inputSpec = [new tfl.InputSpec({ ndim: shape.length, axes: { [axis]: channels } })];
    const { terms } = this;
    const add = (name: 'gamma' | 'beta') =>
      this.addWeight(
        name,
        [channels],
        'float32',
        terms[`${name}Initializer`],
        terms[`${name}Regularizer`],
        true,
        terms[`${name}Constraint`],
      );
    if (this.scale) this.gamma = add('gamma');
    if (this.center) this.beta = add('beta');
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const [x] = (Array.isArray(inputs) ? inputs : [inputs]) as [tf.Tensor];
    return tf.tidy(() => {
      if (x.size === 0) return tf.clone(x);
      const axis = this.axis < 0 ? this.axis + x.rank : this.axis;
      const channels = x.shape[axis] as number;
      const groups = this.groups === -1 ? channels : this.groups;
      const [batch, before, behind] = [
        x.shape[0] as number,
        x.shape.slice(1, axis),
        x.shape.slice(axis + 1),
      ].map((part) => (typeof part === 'number' ? part : tf.util.sizeFromShape(part))) as [
        number,
        number,
        number,
      ];
      // A group's channels and the positions behind them are neighbours in memory: four axes serve every rank.
      const grouped = tf.reshape(x, [batch, before, groups, (channels / groups) * behind]);
      const centred = tf.sub(grouped, tf.mean(grouped, [1, 3], true));
      const variance = tf.mean(tf.square(centred), [1, 3], true);
      const normal = tf.mul(centred, tf.rsqrt(tf.add(variance, this.epsilon)));
      const byChannel = (weight: tfl.LayerVariable) => tf.reshape(weight.read(), [channels, 1]);
      let y: tf.Tensor = tf.reshape(normal, [batch, before, channels, behind]);
      if (this.gamma !== undefined) y = tf.mul(y, byChannel(this.gamma));
      if (this.beta !== undefined) y = tf.add(y, byChannel(this.beta));
      return tf.reshape(y, x.shape);
    });
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    return oneShape(inputShape);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { groups, axis, epsilon, center, scale } = this;
    return { ...super.getConfig(), groups, axis, epsilon, center, scale, ...this.termsConfig };
  }
}

tf.serialization.registerClass(GroupNormalization);

/** Makes a {@link GroupNormalization} layer. */
export function groupNormalization(args: GroupNormalizationArgs = {}): GroupNormalization {
  return new GroupNormalization(args);
}

function oneShape(shape: tfl.Shape | tfl.Shape[]): tfl.Shape {
  return Array.isArray(shape[0]) ? (shape[0] as tfl.Shape) : (shape as tfl.Shape);
}

function outOfRange(option: string, expected: string, got: unknown): DpError {
  return new DpError('DP_INVALID_ARGUMENT', `Expected ${option} to be ${expected}, got ${String(got)}.`);
}
