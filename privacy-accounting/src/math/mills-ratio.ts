import { GAUSS_LEGENDRE } from './gauss-legendre.js';

/*
 * erfcx by the mid-point rule on erfcx(z) = (2z/π) ∫₀^∞ e^{−t²}/(z² + t²) dt, plus the residue of the pole at
 * t = iz (Hunter & Regan 1972; Chiarella & Reichl 1968). With step h the remaining error is e^{−(π/h)²},
 * 7e-22 for h = 0.45; every term is non-negative, so nothing cancels.
 *
 * Why not a package: @stdlib's erfc/erfcx/gammaln are accurate, but pull in 30–50 CommonJS files each (their
 * `exp` → `ldexp` → float-word helpers) and cost 30–45 ms at import, several times this whole package. They
 * remain the oracle in the tests.
 */
const STEP = 0.45;
const SQRT_PI = Math.sqrt(Math.PI);
/** Beyond z = π/STEP the pole lies outside the strip that the rule needs, and has no residue to add. */
const POLE_LIMIT = Math.PI / STEP;
const SQUARED_NODES = Float64Array.from({ length: 15 }, (_, n) => ((n + 0.5) * STEP) ** 2);
const WEIGHTS = SQUARED_NODES.map((t2) => Math.exp(-t2));

/** Residue of the pole: 2e^{z²} / (1 + e^{2πz/STEP}). */
function poleTerm(z: number): number {
  return z < POLE_LIMIT ? (2 * Math.exp(z * z)) / (1 + Math.exp((2 * Math.PI * z) / STEP)) : 0;
}

/**
 * erfcx(z) = e^{z²} erfc(z), relative error a few 2⁻⁵², for every z ≥ 0; for z < 0 by reflection,
 * overflowing to ∞ below −26.6 as the function itself does.
 */
export function erfcx(z: number): number {
  if (z < 0) return 2 * Math.exp(z * z) - erfcx(-z);
  if (z > 1e8) return 1 / (SQRT_PI * z);
  const z2 = z * z;
  let sum = 0;
  for (let n = WEIGHTS.length - 1; n >= 0; n--) sum += WEIGHTS[n]! / (z2 + SQUARED_NODES[n]!);
  return ((2 * STEP * z) / Math.PI) * sum + poleTerm(z);
}

/** Mills' ratio of the standard normal, R(x) = Φ(−x)/φ(x) = √(π/2)·erfcx(x/√2). */
export function millsRatio(x: number): number {
  return Math.sqrt(Math.PI / 2) * erfcx(x * Math.SQRT1_2);
}

/**
 * −R′(x) = 1 − x·R(x) > 0, without the cancellation that the right-hand side suffers for large x (where it is
 * about 1/x²): the same rule on (2/√π) ∫₀^∞ t²e^{−t²}/(z² + t²) dt, z = x/√2.
 */
export function millsSlope(x: number): number {
  if (x < 0) return 1 - x * millsRatio(x);
  const z = x * Math.SQRT1_2;
  const z2 = z * z;
  let sum = 0;
  for (let n = WEIGHTS.length - 1; n >= 0; n--) {
    const t2 = SQUARED_NODES[n]!;
    sum += (WEIGHTS[n]! * t2) / (z2 + t2);
  }
  const smooth = ((2 * STEP) / SQRT_PI) * sum;
  return z < POLE_LIMIT ? smooth - SQRT_PI * z * poleTerm(z) : smooth;
}

/**
 * R(x) − R(x + width) > 0 for x ≥ −1 and width ≥ 0, accurate relative to itself: for widths up to 1 as the
 * integral of the positive slope, beyond as the difference, which then loses at most a factor x.
 */
export function millsDifference(x: number, width: number): number {
  if (width > 1) return millsRatio(x) - millsRatio(x + width);
  const half = width / 2;
  let sum = 0;
  for (const [node, weight] of GAUSS_LEGENDRE) {
    sum += weight * (millsSlope(x + half * (1 - node)) + millsSlope(x + half * (1 + node)));
  }
  return half * sum;
}
