/** What the figures are held against; printed beside them, never asserted. */
export type ModelId =
  | 'mlp'
  | 'cnn-opacus'
  | 'cnn-3x3'
  | 'lstm-50'
  | 'lstm-200'
  | 'gru-50'
  | 'gru-200'
  | 'embedding'
  | 'attention'
  | 'dense-10m';

/** At most so many times the plain step's time, on tfjs-node at batch 256. */
export const NATIVE_TARGETS: Readonly<
  Record<ModelId, { readonly clipOnly: number; readonly private: number }>
> = {
  mlp: { clipOnly: 1.1, private: 1.25 },
  'cnn-opacus': { clipOnly: 1.15, private: 1.2 },
  'cnn-3x3': { clipOnly: 1.2, private: 1.25 },
  'lstm-50': { clipOnly: 1, private: 1.02 },
  'lstm-200': { clipOnly: 1, private: 1.02 },
  'gru-50': { clipOnly: 1, private: 1.02 },
  'gru-200': { clipOnly: 1, private: 1.02 },
  embedding: { clipOnly: 1.2, private: 1.6 },
  attention: { clipOnly: 1.2, private: 1.6 },
  'dense-10m': { clipOnly: 1.05, private: 1.6 },
};

/** At most so many times the plain step's time on wasm, noise included, where stock tfjs can train. */
export const WASM_TARGET = 1.1;
/** A private convolutional step on wasm: at most so many times the private step on tfjs-node. */
export const WASM_CONVOLUTION_TARGET = 15;
/** Peak memory above the bare backend: at most so many times the plain step's. */
export const MEMORY_TARGET = 1.5;

/** Which peers' private milliseconds a private step on tfjs-node is to beat at batch 256. */
export function peersToBeat(model: ModelId): readonly string[] {
  const general = model.startsWith('lstm') ? [] : ['opacus hooks', 'jax-privacy'];
  return model.startsWith('cnn') ? [...general, 'opacus ghost'] : general;
}
