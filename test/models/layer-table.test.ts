/**
 * The table of docs/models.md: every layer of tfjs-layers that it says can be trained, examined on every backend.
 */
import * as tfl from '@tensorflow/tfjs-layers';
import { expect, it } from 'vitest';
import { groupNormalization, validateModel } from '../../src/index.js';
import { eachBackend } from '../backends.js';

const { layers } = tfl;
const recurrentInitializer = 'glorotNormal';
const inImage = { inputShape: [8, 8, 2] };
const inSteps = { inputShape: [5, 3] };
const table: Record<string, () => tfl.layers.Layer[]> = {
  dense: () => [layers.dense({ units: 2, inputShape: [3] })],
  'dense seq': () => [layers.dense({ units: 2, ...inSteps })],
  conv1d: () => [layers.conv1d({ filters: 2, kernelSize: 2, ...inSteps })],
  conv2d: () => [layers.conv2d({ filters: 2, kernelSize: 2, ...inImage })],
  conv2dDilated: () => [
    layers.dense({ units: 2, ...inImage }),
    layers.conv2d({ filters: 2, kernelSize: 2, dilationRate: 2 }),
  ],
  conv3d: () => [layers.conv3d({ filters: 2, kernelSize: 2, inputShape: [4, 4, 4, 2] })],
  conv2dTranspose: () => [layers.conv2dTranspose({ filters: 2, kernelSize: 2, ...inImage })],
  depthwiseConv2d: () => [layers.depthwiseConv2d({ kernelSize: 2, ...inImage })],
  separableConv2d: () => [layers.separableConv2d({ filters: 2, kernelSize: 2, ...inImage })],
  embedding: () => [layers.embedding({ inputDim: 5, outputDim: 2, inputShape: [4] })],
  layerNormalization: () => [layers.layerNormalization({ inputShape: [4] })],
  groupNormalization: () => [groupNormalization({ groups: 2, inputShape: [4] })],
  prelu: () => [layers.prelu({ inputShape: [4] })],
  simpleRNN: () => [layers.simpleRNN({ units: 2, recurrentInitializer, ...inSteps })],
  lstm: () => [layers.lstm({ units: 2, recurrentInitializer, ...inSteps })],
  gru: () => [layers.gru({ units: 2, recurrentInitializer, ...inSteps })],
  convLstm2d: () => [
    layers.convLstm2d({ filters: 2, kernelSize: 2, recurrentInitializer, inputShape: [3, 6, 6, 2] }),
  ],
  maxPool2d: () => [
    layers.conv2d({ filters: 2, kernelSize: 2, ...inImage }),
    layers.maxPooling2d({ poolSize: 2 }),
  ],
  avgPool2d: () => [
    layers.conv2d({ filters: 2, kernelSize: 2, ...inImage }),
    layers.averagePooling2d({ poolSize: 2 }),
  ],
  maxPool1d: () => [layers.dense({ units: 2, ...inSteps }), layers.maxPooling1d({ poolSize: 2 })],
  maxPool3d: () => [
    layers.conv3d({ filters: 2, kernelSize: 2, inputShape: [6, 6, 6, 2] }),
    layers.maxPooling3d({ poolSize: 2 }),
  ],
  avgPool3d: () => [
    layers.conv3d({ filters: 2, kernelSize: 2, inputShape: [6, 6, 6, 2] }),
    layers.averagePooling3d({ poolSize: 2 }),
  ],
  globalMax: () => [layers.conv2d({ filters: 2, kernelSize: 2, ...inImage }), layers.globalMaxPooling2d({})],
  upsampling: () => [layers.conv2d({ filters: 2, kernelSize: 2, ...inImage }), layers.upSampling2d({})],
  zeroPadding: () => [
    layers.conv2d({ filters: 2, kernelSize: 2, ...inImage }),
    layers.zeroPadding2d({ padding: 1 }),
  ],
  cropping: () => [
    layers.conv2d({ filters: 2, kernelSize: 2, ...inImage }),
    layers.cropping2D({
      cropping: [
        [1, 1],
        [1, 1],
      ],
    }),
  ],
  gaussianNoise: () => [layers.dense({ units: 2, ...inSteps }), layers.gaussianNoise({ stddev: 1 })],
  gaussianDropout: () => [layers.dense({ units: 2, ...inSteps }), layers.gaussianDropout({ rate: 0.5 })],
  alphaDropout: () => [layers.dense({ units: 2, ...inSteps }), layers.alphaDropout({ rate: 0.5 })],
  spatialDropout1d: () => [layers.dense({ units: 2, ...inSteps }), layers.spatialDropout1d({ rate: 0.5 })],
  masking: () => [layers.masking({ ...inSteps }), layers.lstm({ units: 2, recurrentInitializer })],
  permute: () => [layers.dense({ units: 2, ...inSteps }), layers.permute({ dims: [2, 1] })],
  bidirectional: () => [
    layers.bidirectional({
      layer: layers.gru({ units: 2, recurrentInitializer }) as tfl.RNN,
      mergeMode: 'concat',
      ...inSteps,
    } as never),
  ],
  timeDistributed: () => [layers.timeDistributed({ layer: layers.dense({ units: 2 }), ...inSteps })],
  selu: () => [
    layers.dense({ units: 2, activation: 'selu', ...inSteps }),
    layers.dense({ units: 2, activation: 'swish' }),
    layers.dense({ units: 2, activation: 'gelu' }),
    layers.dense({ units: 2, activation: 'mish' }),
    layers.dense({ units: 2, activation: 'softsign' }),
    layers.dense({ units: 2, activation: 'hardSigmoid' }),
  ],
};
/** What TensorFlow.js itself computes wrongly: the engine notices on the first step, and takes none. */
const WRONG_IN_TFJS: Readonly<Record<string, readonly string[]>> = { cpu: ['upsampling'] };

eachBackend((backend) => {
  it.each(Object.entries(table))('%s can be private, by exact rules', (name, make) => {
    const problems = validateModel(tfl.sequential({ layers: make() }));
    const known = WRONG_IN_TFJS[backend]?.includes(name) === true && problems[0]?.problem === 'self-check';
    expect(known ? [] : problems).toEqual([]);
  });
});
