/**
 * A privacy loss that takes finitely many values, seen from P: mass `masses[j]` at `losses[j]`, and `infinite` at ∞.
 * Q's mass at a loss L is e^{−L} times P's. Losses ascend; masses are rounded up, so that every hockey-stick
 * divergence E_P[(1 − e^{ε − L})⁺] is too.
 */
export interface LossAtoms {
  readonly losses: Float64Array;
  readonly masses: Float64Array;
  readonly infinite: number;
}

/** Weights this far below the largest are left out; what they could have held is counted at loss ∞. */
const NEGLIGIBLE = 1e-300;

/** e^x is 0 or ∞ in float64 well before this; the smaller weight is then left out. */
const LARGEST_EXPONENT = 700;

/**
 * The privacy loss of `count` randomized responses with ε = `epsilon` > 0, the worst of all ε-differentially private
 * mechanisms: ε(2i − k) with i binomial in k = `count`, p = e^ε/(1 + e^ε).
 *
 * The weights are built from the mode outwards by their ratios, (k − i)/(i + 1)·e^ε, and divided by their sum: only
 * products of positive numbers, no logarithm of a factorial, so that the relative error grows by a few units in the
 * last place a step, and is added. Some 75√(k p(1−p)) atoms are kept of the k + 1.
 *
 * Source: Kairouz, Oh & Viswanath 2015 (arXiv:1311.0776), Thm 3.3 and its proof.
 */
export function binomialLoss(epsilon: number, count: number): LossAtoms {
  const mode = Math.min(count, Math.floor((count + 1) / (1 + Math.exp(-epsilon))));
  const odds = Math.exp(Math.min(epsilon, LARGEST_EXPONENT));
  const up: number[] = [];
  for (let i = mode, weight = 1; i < count; i++) {
    weight *= ((count - i) / (i + 1)) * odds;
    if (weight < NEGLIGIBLE) break;
    up.push(weight);
  }
  const down: number[] = [];
  for (let i = mode, weight = 1; i > 0; i--) {
    weight *= i / (count - i + 1) / odds;
    if (weight < NEGLIGIBLE) break;
    down.push(weight);
  }
  const masses = Float64Array.from([...down.reverse(), 1, ...up]);
  const first = mode - down.length;
  const slack = 1 + 6 * (masses.length + 8) * Number.EPSILON;
  const total = masses.reduce((sum, weight) => sum + weight, 0);
  const losses = new Float64Array(masses.length);
  for (let j = 0; j < masses.length; j++) {
    masses[j] = Math.min(1, (masses[j]! / total) * slack);
    losses[j] = epsilon * (2 * (first + j) - count);
  }
  const infinite = masses.length === count + 1 ? 0 : (count + 1) * NEGLIGIBLE;
  return { losses, masses, infinite };
}

/** About how many atoms a {@link binomialLoss} has. */
export function atomsKept(epsilon: number, count: number): number {
  return Math.min(count + 1, (75 * Math.sqrt(count)) / (2 * Math.cosh(epsilon / 2)) + 200);
}

/**
 * x ↦ E_P[(1 − e^{x − L})⁺] of a {@link binomialLoss}, in O(1) each: with t the first atom above x and d = L_t − x,
 *
 *   A_t·(1 − e^{−d}) + e^{−d}·G_t,   A_t = Σ_{j ≥ t} P_j,   G_t = (1 − e^{−2ε})·A_{t+1} + e^{−2ε}·G_{t+1}.
 *
 * Every term is non-negative: nothing cancels, and the result is accurate relative to itself however small.
 */
export function hockeyStick(atoms: LossAtoms, epsilon: number): (x: number) => number {
  const { losses, masses, infinite } = atoms;
  const n = losses.length;
  const tail = new Float64Array(n + 1);
  const excess = new Float64Array(n + 1);
  const step = -Math.expm1(-2 * epsilon);
  const decay = Math.exp(-2 * epsilon);
  for (let j = n - 1; j >= 0; j--) {
    tail[j] = tail[j + 1]! + masses[j]!;
    excess[j] = step * tail[j + 1]! + decay * excess[j + 1]!;
  }
  const slack = 1 + 4 * (n + 8) * Number.EPSILON;
  return (x) => {
    const guess = Math.floor((x - losses[0]!) / (2 * epsilon)) + 1;
    let t = Math.min(n, Math.max(0, guess));
    while (t < n && losses[t]! <= x) t++;
    while (t > 0 && losses[t - 1]! > x) t--;
    if (t === n) return infinite;
    const distance = x - losses[t]!;
    return (excess[t]! * Math.exp(distance) - tail[t]! * Math.expm1(distance)) * slack + infinite;
  };
}
