import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { type PrivateFitOptions, type PrivateFitResult, privateFit } from 'tfjs-privacy';
import { accuracyOf, classifier, LOSS } from './classifier.js';
import { startStage } from './progress.js';

/** Features [n, 196] and one-hot labels [n, 10]. */
export interface TrainingTensors {
  readonly xs: tf.Tensor2D;
  readonly ys: tf.Tensor2D;
}

/** Public digits that accuracy is measured on. */
export interface TestDigits {
  readonly xs: tf.Tensor2D;
  readonly labels: ArrayLike<number>;
}

/** A trained classifier and what became of it. */
export interface Trained {
  readonly model: tfl.LayersModel;
  /** On the test digits, after the last step: the one number that is reported. */
  readonly accuracy: number;
  /** [epoch, accuracy on the test digits]: for the plot; nothing is chosen by it. */
  readonly accuracyByEpoch: [number, number][];
  /** [epoch, training loss]: computed from the training data without noise, so a private value. */
  readonly lossByEpoch: [number, number][];
  /** Wall-clock time of training, the accuracies by epoch included. */
  readonly seconds: number;
  readonly examples: number;
  readonly epochs: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly optimizer: string;
  /** Of a private run. */
  readonly fit?: PrivateFitResult;
  readonly l2NormClip?: number;
}

export interface PlainRecipe {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
}

/** Ordinary training: Adam and `model.fit`. */
export async function trainPlainly(
  title: string,
  { xs, ys }: TrainingTensors,
  test: TestDigits,
  { epochs, batchSize, learningRate }: PlainRecipe,
): Promise<Trained> {
  const model = classifier();
  model.compile({ optimizer: tf.train.adam(learningRate), loss: LOSS });
  const examples = xs.shape[0];
  const stepsPerEpoch = Math.ceil(examples / batchSize);
  const stage = startStage(title, epochs * stepsPerEpoch);
  const accuracyByEpoch: [number, number][] = [];
  const lossByEpoch: [number, number][] = [];
  let step = 0;
  await model.fit(xs, ys, {
    epochs,
    batchSize,
    verbose: 0,
    callbacks: {
      onBatchEnd: async () => stage.update(++step),
      onEpochEnd: async (epoch, logs) => {
        accuracyByEpoch.push([epoch + 1, accuracyOf(model, test.xs, test.labels)]);
        lossByEpoch.push([epoch + 1, logs?.loss ?? Number.NaN]);
      },
    },
  });
  return {
    model,
    accuracy: accuracyOf(model, test.xs, test.labels),
    accuracyByEpoch,
    lossByEpoch,
    seconds: stage.end(),
    examples,
    epochs,
    steps: step,
    batchSize,
    optimizer: `Adam, learning rate ${learningRate}`,
  };
}

export interface PrivateRecipe
  extends Pick<PrivateFitOptions, 'delta' | 'expectedBatchSize' | 'runDirectory' | 'resume'> {
  readonly l2NormClip: number;
  readonly targetEpsilon: number;
  readonly epochs: number;
  readonly learningRate: number;
}

/** DP-SGD on Poisson-sampled batches, the noise calibrated so that ε ends at or below the target. */
export async function trainPrivately(
  title: string,
  data: TrainingTensors,
  test: TestDigits,
  { learningRate, ...recipe }: PrivateRecipe,
): Promise<Trained> {
  const model = classifier();
  model.compile({ optimizer: tf.train.adam(learningRate), loss: LOSS });
  const examples = data.xs.shape[0];
  const stage = startStage(title, Math.ceil((recipe.epochs * examples) / recipe.expectedBatchSize));
  const accuracyByEpoch: [number, number][] = [];
  const lossByEpoch: [number, number][] = [];
  let note: string | undefined;
  const fit = await privateFit(model, data, {
    ...recipe,
    optimizer: tf.train.adam(learningRate),
    // Poisson batches vary in size; most fit into one pass through the model like this.
    maxPhysicalBatch: 2 * recipe.expectedBatchSize,
    onStep: ({ step }) => stage.update(step, note),
    onEpochEnd: (metrics) => {
      const { epoch, epsilon } = metrics.public;
      note = `ε ${epsilon.epsilon.toFixed(2)}`;
      accuracyByEpoch.push([epoch, accuracyOf(model, test.xs, test.labels)]);
      lossByEpoch.push([epoch, metrics.private.loss]);
    },
  });
  return {
    model,
    accuracy: accuracyOf(model, test.xs, test.labels),
    accuracyByEpoch,
    lossByEpoch,
    seconds: stage.end(),
    examples,
    epochs: recipe.epochs,
    steps: fit.privacy.steps,
    batchSize: recipe.expectedBatchSize,
    optimizer: `Adam, learning rate ${learningRate}`,
    fit,
    l2NormClip: recipe.l2NormClip,
  };
}
