import { DpError } from 'privacy-accounting/errors';
import seedrandom from 'seedrandom';
import { pooledWords, type RandomWords } from './random-words.js';

/**
 * Uniform 32-bit words that repeat with the seed (ARC4 of the package `seedrandom`, about 15 ns a word):
 * for tests and teaching only. `secure` is false, and everything made of these words is **not private**:
 * whoever knows or guesses the seed subtracts the noise.
 *
 * The stream belongs to the returned object: it moves on at every call (`tf.randomNormal` with a seed repeats
 * itself instead), and a second object with the same seed starts again from the first word.
 *
 * @param seed any finite number or non-empty string. 0 is a seed like any other; 7 and '7' are the same seed.
 * @throws DpError `DP_INVALID_ARGUMENT` for NaN, infinities, '' and whatever is neither number nor string: a
 *   missing seed must not silently become a random one.
 *
 * @example
 * seededRandomWords(0).secure; // false
 */
export function seededRandomWords(seed: string | number): RandomWords {
  const isSeed = typeof seed === 'number' ? Number.isFinite(seed) : typeof seed === 'string' && seed !== '';
  if (!isSeed) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected seed to be a finite number or a non-empty string, got ${typeof seed === 'string' ? "''" : String(seed)}. ` +
        'Pass a seed, or use secureRandomWords() for noise that protects.',
    );
  }
  const generator = seedrandom(String(seed));
  return pooledWords((out) => {
    for (let i = 0; i < out.length; i++) out[i] = generator.int32();
  }, false);
}
