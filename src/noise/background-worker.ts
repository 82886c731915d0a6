/**
 * Entry of the worker thread behind `backgroundGaussianSource`: fills slots for as long as it lives, from a secure
 * stream of its own. Not to be imported.
 */
import { gaussianSource } from './gaussian-source.js';
import { NoiseRing, type NoiseRingMemory } from './noise-ring.js';
import { secureRandomWords } from './secure-words.js';

const { workerData } = process.getBuiltinModule('node:worker_threads');
const ring = new NoiseRing(workerData as NoiseRingMemory);
const source = gaussianSource(secureRandomWords());
for (;;) {
  source.fill(ring.awaitEmpty(), 1);
  ring.publish();
}
