import { SMALLEST_DIVERGENCE } from './gaussian-rdp.js';
import { LogSum, log1pExp } from './log-space.js';
import { logPowerExcess } from './power-excess.js';

/** An outcome: ln of its probability under Q, and its privacy loss ln(P/Q). */
export interface Outcome {
  readonly logMass: number;
  readonly loss: number;
}

/** Covers the rounding of logarithms, of g and of the sum; measured below 1e-13, see the tests. */
const ROUND_UP = 1 + 2e-12;

/**
 * D_α(P ‖ Q) of a pair of distributions with finitely many outcomes, rounded up: ln(1 + Σ mass·g(loss)) / (α − 1). All
 * terms are non-negative. Outcomes without loss may be left out; those with none of Q's mass must not exist.
 */
export function finiteRdpAt(outcomes: Iterable<Outcome>, order: number): number {
  const excess = new LogSum();
  for (const { logMass, loss } of outcomes) excess.add(logMass + logPowerExcess(loss, order - 1));
  return divergenceOfExcess(excess.value, order, ROUND_UP);
}

/** ln(1 + e^{logExcess}) / (α − 1), times `roundUp`, and never 0. */
export function divergenceOfExcess(logExcess: number, order: number, roundUp: number): number {
  return Math.max((log1pExp(logExcess) / (order - 1)) * roundUp, SMALLEST_DIVERGENCE);
}

/** The loss of "mechanism or nothing": ln(1 − q + q·e^loss), where the mechanism runs with probability q. */
export function sampledLoss(q: number, loss: number): number {
  if (q === 1) return loss;
  if (loss > 30) return Math.log(q) + loss + Math.log1p(((1 - q) / q) * Math.exp(-loss));
  return Math.log1p(q * Math.expm1(loss));
}
