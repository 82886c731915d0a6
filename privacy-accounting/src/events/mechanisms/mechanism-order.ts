import type { Mechanism, MechanismCount, MechanismKind } from './mechanism.js';

/** Every kind, in the order in which compositions list them. Keyed by kind, so that the compiler finds a missing one. */
const RANK: Readonly<Record<MechanismKind, number>> = {
  gaussian: 0,
  laplace: 1,
  discreteGaussian: 2,
  discreteLaplace: 3,
  mixtureOfGaussians: 4,
  randomizedResponse: 5,
  exponentialMechanism: 6,
  reportNoisyMax: 7,
  epsilonDelta: 8,
  zCDP: 9,
  poissonSampled: 10,
  truncatedPoissonGaussian: 11,
  sampledWithoutReplacementGaussian: 12,
  sampledWithReplacementGaussian: 13,
  randomAllocationGaussian: 14,
  repeatAndSelect: 15,
  gnMax: 16,
};

export const MECHANISM_KINDS: readonly MechanismKind[] = Object.freeze(Object.keys(RANK) as MechanismKind[]);

/** A mixture may have thousands of sizes, and is composed thousands of times. */
const keys = new WeakMap<Mechanism, string>();

/**
 * The same string for the same mechanism, and for no other: all fields are finite, so that JSON loses nothing, and a
 * reading writes the fields of a kind in one order.
 */
export function mechanismKey(mechanism: Mechanism): string {
  let key = keys.get(mechanism);
  if (key === undefined) {
    key = JSON.stringify(mechanism);
    keys.set(mechanism, key);
  }
  return key;
}

/** A total order: by kind, Gaussians then by (q, σ, kind of noise), others by key. Sums taken in it are reproducible. */
export function compareMechanisms(a: Mechanism, b: Mechanism): number {
  if (a.kind === 'gaussian' && b.kind === 'gaussian') {
    return (
      a.samplingProbability - b.samplingProbability ||
      a.noiseMultiplier - b.noiseMultiplier ||
      (a.noise === b.noise ? 0 : a.noise < b.noise ? -1 : 1)
    );
  }
  if (a.kind !== b.kind) return RANK[a.kind] - RANK[b.kind];
  const [first, second] = [mechanismKey(a), mechanismKey(b)];
  return first === second ? 0 : first < second ? -1 : 1;
}

/** Adds up the counts of equal mechanisms and sorts: the same for every order of `parts`. Counts must stay below 2⁵³. */
export function mergeMechanisms(parts: readonly MechanismCount[]): readonly MechanismCount[] {
  const merged = new Map<string, MechanismCount>();
  for (const { mechanism, count } of parts) {
    const key = mechanismKey(mechanism);
    merged.set(key, { mechanism, count: (merged.get(key)?.count ?? 0) + count });
  }
  return [...merged.values()]
    .filter(({ count }) => count > 0)
    .sort((a, b) => compareMechanisms(a.mechanism, b.mechanism));
}
