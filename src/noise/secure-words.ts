import { DpError } from 'privacy-accounting/errors';
import { chachaWords, type EntropySource } from './chacha-words.js';
import { pooledWords, type RandomWords, type WordGenerator } from './random-words.js';

/** Web Crypto refuses to fill more bytes than this at once (W3C Web Cryptography API, §10.1.1). */
const WEB_CRYPTO_MAX_BYTES = 65_536;

/**
 * Independent uniform 32-bit words from the platform's cryptographic generator: the default everywhere.
 *
 * In Node (and what else has `process.getBuiltinModule`) `crypto.randomFillSync`, about 0.6 ns a word in
 * blocks of 64 KiB; elsewhere, browsers and their workers included, ChaCha20 keyed afresh for each 64 KiB by Web
 * Crypto's `getRandomValues`, which by itself takes three times as long; and that itself where a page's policy forbids
 * WebAssembly. Node's module is looked up when this function is called, never imported, so the file loads in a
 * browser as it is.
 *
 * Guarantee: as unpredictable as the operating system's generator. Each call makes a stream of its own;
 * streams of different threads and processes never share words. Not covered: a virtual machine that is
 * snapshot and resumed twice repeats what its operating system repeats.
 *
 * @throws DpError `DP_NOT_PRIVATE` if the platform has no such generator, or one that is visibly a stub (test
 *   environments install some that leave the array as it was). There is no silent fallback.
 *
 * @example
 * const words = secureRandomWords();
 * const noise = new Float32Array(1_000_000);
 * gaussianSource(words).fill(noise, 1.1);
 */
export function secureRandomWords(): RandomWords {
  const generate = platformGenerator();
  refuseStub(generate);
  return pooledWords(generate, true);
}

function platformGenerator(): WordGenerator {
  const node = globalThis.process?.getBuiltinModule?.('node:crypto');
  if (node !== undefined) return (out) => void node.randomFillSync(out);

  const web = globalThis.crypto;
  if (typeof web?.getRandomValues !== 'function') {
    throw new DpError(
      'DP_NOT_PRIVATE',
      'Expected a cryptographic random generator (crypto.randomFillSync or Web Crypto getRandomValues), got ' +
        'neither: noise made without one gives no privacy. Run on Node 20.16 or newer, or in a browser page ' +
        'served over https or from localhost.',
    );
  }
  // The cast is true of every array that this toolkit makes; one over shared memory is refused by Web Crypto.
  const entropy: EntropySource = (out) => void web.getRandomValues(out as Uint32Array<ArrayBuffer>);
  return chachaWords(entropy) ?? inPieces(entropy);
}

function inPieces(entropy: EntropySource): WordGenerator {
  const wordsAtOnce = WEB_CRYPTO_MAX_BYTES / Uint32Array.BYTES_PER_ELEMENT;
  return (out) => {
    for (let start = 0; start < out.length; start += wordsAtOnce) {
      entropy(out.subarray(start, start + wordsAtOnce));
    }
  };
}

/** Two draws of 8 words are equal by chance once in 2²⁵⁶. */
function refuseStub(generate: WordGenerator): void {
  const first = new Uint32Array(8);
  const second = new Uint32Array(8);
  generate(first);
  generate(second);
  if (first.every((word, i) => word === second[i])) {
    throw new DpError(
      'DP_NOT_PRIVATE',
      'Expected fresh random words at every call of the platform generator, got the same 8 words twice: it is ' +
        'broken, or replaced by a stub. Remove the stub; for reproducible tests ask for seededRandomWords(seed).',
    );
  }
}
