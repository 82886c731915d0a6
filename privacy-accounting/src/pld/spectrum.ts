import { forwardTransform, transformRounding } from '../math/fft.js';
import type { TiltedLaw } from './tilted-law.js';

const U = 2 ** -53;
/** ln of a spectrum's modulus below which it is taken as 0. */
const NEGLIGIBLE = -90;
/** Points of transforms that are kept for the next composition of the same law. */
const MOST_KEPT = 2 ** 17;

/** The transform z of one law on N points, frequencies 0 to N/2, and, as far as they were needed, ln z and its error. */
interface LawSpectrum {
  readonly size: number;
  readonly re: Float64Array;
  readonly im: Float64Array;
  /** Of every re + i·im, at most. */
  readonly error: number;
  /** ln(|z| + error), or NaN where it was not needed yet. */
  readonly logModulus: Float64Array;
  readonly phase: Float64Array;
  /** By what factor exp(ln z), as computed, may be off: e to the power of it. */
  readonly relative: Float64Array;
}

/** A law is composed again and again with other counts. */
const kept = new WeakMap<TiltedLaw, LawSpectrum>();

/** The transforms of one or two laws: as the real and the imaginary part of one, where none is known yet. */
function transformsOf(laws: readonly TiltedLaw[], size: number): readonly LawSpectrum[] {
  const missing = laws.filter((law) => kept.get(law)?.size !== size);
  const fresh = missing.length > 0 ? transform(missing, size) : [];
  for (const [i, law] of missing.entries()) if (size <= MOST_KEPT) kept.set(law, fresh[i]!);
  return laws.map((law) => fresh[missing.indexOf(law)] ?? kept.get(law)!);
}

function transform(laws: readonly TiltedLaw[], size: number): readonly LawSpectrum[] {
  const half = size / 2;
  const data = new Float64Array(2 * size);
  let total = 0;
  laws.forEach(({ law: { indices }, weights, centre }, slot) => {
    for (let i = 0; i < indices.length; i++) {
      data[2 * modulo(indices[i]! - centre, size) + slot]! += weights[i]!;
    }
    total += 1 + indices.length * U;
  });
  const error = transformRounding(size) * total * 1.01 + U;
  const out = forwardTransform(data);
  const spectra = laws.map(() => ({
    size,
    error,
    re: new Float64Array(half + 1),
    im: new Float64Array(half + 1),
    logModulus: new Float64Array(half + 1).fill(Number.NaN),
    phase: new Float64Array(half + 1),
    relative: new Float64Array(half + 1),
  }));
  const [one, two] = spectra;
  for (let k = 0; k <= half; k++) {
    const mirror = (size - k) % size;
    const re = out[2 * k]!;
    const im = out[2 * k + 1]!;
    const reMirror = out[2 * mirror]!;
    const imMirror = out[2 * mirror + 1]!;
    one!.re[k] = (re + reMirror) / 2;
    one!.im[k] = (im - imMirror) / 2;
    if (two === undefined) continue;
    two.re[k] = (im + imMirror) / 2;
    two.im[k] = (reMirror - re) / 2;
  }
  return spectra;
}

/** One direction's spectrum Πzᵢ^{Tᵢ} in polar form. */
export class Spectrum {
  /** (1/N) Σ|spectrum|, at most. */
  meanModulus = 0;
  /** (1/N) Σ of the spectrum's errors, at most; what was taken as 0 is an error of its size. */
  meanError = 0;
  readonly #size: number;
  readonly #logModulus: Float64Array;
  readonly #phase: Float64Array;
  readonly #relative: Float64Array;

  constructor(size: number) {
    this.#size = size;
    this.#logModulus = new Float64Array(size / 2 + 1);
    this.#phase = new Float64Array(size / 2 + 1);
    this.#relative = new Float64Array(size / 2 + 1);
  }

  /** Multiplies by the `count`-th power of a law's transform. */
  multiply(law: LawSpectrum, count: number): void {
    const { re, im, error } = law;
    const logModulus = this.#logModulus;
    const phase = this.#phase;
    const relative = this.#relative;
    const negligible = Math.max(0, Math.exp((1.2 * NEGLIGIBLE) / count) - error) ** 2;
    for (let k = 0; k < logModulus.length; k++) {
      const squared = re[k]! * re[k]! + im[k]! * im[k]!;
      if (squared < negligible || logModulus[k]! < NEGLIGIBLE) {
        logModulus[k] = Math.min(logModulus[k]!, 1.1 * NEGLIGIBLE);
        continue;
      }
      if (Number.isNaN(law.logModulus[k]!)) {
        const modulus = Math.sqrt(squared);
        law.logModulus[k] = Math.log(modulus + error);
        law.phase[k] = Math.atan2(im[k]!, re[k]!);
        law.relative[k] = modulus > 8 * error ? (4 * error) / modulus + 24 * U : Number.POSITIVE_INFINITY;
      }
      logModulus[k]! += count * law.logModulus[k]!;
      phase[k]! += count * law.phase[k]!;
      relative[k]! += count * law.relative[k]!;
    }
  }

  /**
   * Writes the spectrum, conjugate symmetric, into the real (0) or imaginary (1) slot of complex data, frequency k at −k:
   * then the forward transform, divided by N, is the inverse one.
   */
  synthesise(data: Float64Array, slot: number): void {
    const size = this.#size;
    const half = size / 2;
    const logModulus = this.#logModulus;
    let total = 0;
    let totalError = 0;
    for (let k = 0; k <= half; k++) {
      if (logModulus[k]! < NEGLIGIBLE) continue;
      const modulus = Math.exp(logModulus[k]!);
      const relative = this.#relative[k]!;
      total += modulus;
      // e^r − 1 ≤ r + r² for r ≤ 1.
      totalError += modulus * (relative < 1 ? relative * (1 + relative) : 2);
      const re = modulus * Math.cos(this.#phase[k]!);
      // The spectrum of real data is real at both ends of the half.
      const im = k === 0 || k === half ? 0 : modulus * Math.sin(this.#phase[k]!);
      const mirror = (size - k) % size;
      data[2 * mirror]! += slot === 0 ? re : -im;
      data[2 * mirror + 1]! += slot === 0 ? im : re;
      if (mirror !== k) {
        data[2 * k]! += slot === 0 ? re : im;
        data[2 * k + 1]! += slot === 0 ? -im : re;
      }
    }
    this.meanModulus = (2 * total) / size + Math.exp(NEGLIGIBLE);
    this.meanError = (2 * totalError) / size + Math.exp(NEGLIGIBLE);
  }
}

/** The spectra of one or two directions, each with its laws and their counts. */
export function spectraOf(
  directions: readonly {
    readonly parts: readonly { readonly tilted: TiltedLaw; readonly count: number }[];
  }[],
  size: number,
): readonly Spectrum[] {
  const spectra = directions.map(() => new Spectrum(size));
  directions[0]!.parts.forEach((_, part) => {
    const parts = directions.map((direction) => direction.parts[part]!);
    const laws = transformsOf(
      parts.map(({ tilted }) => tilted),
      size,
    );
    laws.forEach((law, d) => {
      spectra[d]!.multiply(law, parts[d]!.count);
    });
  });
  return spectra;
}

export function modulo(value: number, size: number): number {
  const rest = value % size;
  return rest < 0 ? rest + size : rest;
}
