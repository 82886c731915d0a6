import { requireDelta, requireEpsilon, requireNumber, requireRecord } from '../arguments.js';

/** (ξ, ρ)-zCDP: D_α ≤ ξ + ρα for every α > 1, in nats. */
export interface ZcdpParameters {
  /** ρ ≥ 0. */
  readonly rho: number;
  /** ξ ≥ 0, 0 by default. */
  readonly xi?: number;
}

/** A value, and the order that proves it. */
export interface AtBestOrder {
  readonly value: number;
  readonly order: number;
}

/** Outward rounding: eight units in the last place of the largest quantity that went in. */
const SLACK = 8 * Number.EPSILON;
/** ln(α − 1) is searched between these: α from 1 + 1e-13 to 1e26. */
const SMALLEST = -30;
const LARGEST = 60;

/**
 * The smallest ε ≥ 0 at `delta` ∈ (0, 1) that (ξ, ρ)-zCDP proves: over all orders α > 1, rounded up,
 *
 *   ξ + ρα + ln((α−1)/α) − ln(δα)/(α−1);   0 if δ² ≥ 1 − e^{−(ξ+ρ)}.
 *
 * Source: Canonne, Kamath & Steinke 2020 (arXiv:2004.00010), Prop. 12 and Cor. 13; Bun & Steinke 2016
 * (arXiv:1605.02065), Lemma 3.5 for the looser ρ + 2√(ρ ln(1/δ)).
 *
 * @example
 * zcdpToEpsilon({ rho: 1, delta: 1e-6 }).epsilon; // 7.766…
 */
export function zcdpToEpsilon(options: ZcdpParameters & { readonly delta: number }): {
  readonly epsilon: number;
  readonly order: number;
} {
  const { rho, xi } = requireZcdp(options);
  const { value, order } = epsilonOfZcdp(rho, xi, requireDelta(options.delta));
  return { epsilon: value, order };
}

/**
 * The smallest δ ∈ [0, 1] at `epsilon` ≥ 0 that (ξ, ρ)-zCDP proves: over all orders α > 1, rounded up,
 *
 *   exp((α−1)(ξ + ρα − ε))·(1 − 1/α)^α/(α−1),   and at most √(1 − e^{−(ξ+ρ)}).
 *
 * Source: Canonne, Kamath & Steinke 2020 (arXiv:2004.00010), Cor. 13.
 *
 * @example
 * zcdpToDelta({ rho: 0.01, epsilon: 1 }).delta;
 */
export function zcdpToDelta(options: ZcdpParameters & { readonly epsilon: number }): {
  readonly delta: number;
  readonly order: number;
} {
  const { rho, xi } = requireZcdp(options);
  const { value, order } = logDeltaOfZcdp(rho, xi, requireEpsilon(options.epsilon));
  return {
    delta: value === Number.NEGATIVE_INFINITY ? 0 : Math.max(Number.MIN_VALUE, Math.exp(value)),
    order,
  };
}

function requireZcdp(options: ZcdpParameters): { readonly rho: number; readonly xi: number } {
  requireRecord(options, 'options', 'an object with rho');
  const accepts = (x: number) => x >= 0;
  const rho = requireNumber(options.rho, 'rho', 'a finite number, 0 or larger', accepts);
  // Only a missing ξ is 0: null is how JSON writes ∞.
  const xi =
    options.xi === undefined ? 0 : requireNumber(options.xi, 'xi', 'a finite number, 0 or larger', accepts);
  return { rho, xi };
}

/** {@link zcdpToEpsilon} of checked arguments; ∞ for ρ = ∞. */
export function epsilonOfZcdp(rho: number, xi: number, delta: number): AtBestOrder {
  if ((rho === 0 && xi === 0) || delta * delta + Math.expm1(-(xi + rho)) > 0) return { value: 0, order: 1 };
  if (rho === Number.POSITIVE_INFINITY) return { value: rho, order: 1 };
  const logDelta = Math.log(delta);
  const best = minimize((above) => {
    // Not ln(α − 1) − ln α, which would cancel at large orders.
    const shrink = -Math.log1p(1 / above);
    const logOrder = Math.log1p(above);
    const divergence = xi + rho * (1 + above);
    const slack = SLACK * (divergence - shrink + (logOrder - logDelta) / above);
    return divergence + shrink - (logDelta + logOrder) / above + slack;
  });
  return { value: Math.max(0, best.value), order: best.order };
}

/** ln δ of {@link zcdpToDelta} of checked arguments; −∞ for nothing. */
export function logDeltaOfZcdp(rho: number, xi: number, epsilon: number): AtBestOrder {
  if (rho === 0 && xi === 0) return { value: Number.NEGATIVE_INFINITY, order: 1 };
  if (rho === Number.POSITIVE_INFINITY) return { value: 0, order: 1 };
  const byKl = 0.5 * Math.log(-Math.expm1(-(xi + rho))) + SLACK;
  const best = minimize((above) => {
    const shrink = -Math.log1p(1 / above);
    const divergence = xi + rho * (1 + above);
    const slack = SLACK * (above * (divergence + epsilon - shrink) + Math.log1p(above) + 1);
    return above * (divergence - epsilon + shrink) - Math.log1p(above) + slack;
  });
  return byKl <= best.value
    ? { value: Math.min(0, byKl), order: 1 }
    : { value: Math.min(0, best.value), order: best.order };
}

/** The smallest value over α − 1 by golden section in ln(α − 1): a single valley; every point is a bound. */
function minimize(value: (above: number) => number): AtBestOrder {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [SMALLEST, LARGEST];
  let left = high - ratio * (high - low);
  let right = low + ratio * (high - low);
  let [atLeft, atRight] = [value(Math.exp(left)), value(Math.exp(right))];
  while (high - low > 1e-9) {
    if (atLeft <= atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - ratio * (high - low);
      atLeft = value(Math.exp(left));
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + ratio * (high - low);
      atRight = value(Math.exp(right));
    }
  }
  return atLeft <= atRight
    ? { value: atLeft, order: 1 + Math.exp(left) }
    : { value: atRight, order: 1 + Math.exp(right) };
}
