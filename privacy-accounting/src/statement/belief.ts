import { invalidArgument, requireDelta, requireNumber } from '../arguments.js';
import type { EpsilonBound } from '../bound.js';
import { curveThrough, type DeltaCurve } from '../bounds/delta-curve.js';
import { posteriorCeiling } from '../bounds/posterior.js';
import { formatNumber, formatUp } from './format-number.js';
import type { Subject } from './subject.js';

/** How the sentence about beliefs is told. */
export interface BeliefOptions {
  /** More of what is proved than one (ε, δ): the sentence then states less. Of the same relation and unit. */
  readonly curve?: DeltaCurve;
  /** How sure someone was before, in (0, 1); 0.01 by default. */
  readonly prior?: number;
  /** How rarely the sentence may fail, in (δ, 1); 10 δ by default. */
  readonly exception?: number;
}

const PRIOR = 0.01;
const EXCEPTION_IN_DELTAS = 10;
/** Smaller than any probability that is stated: for δ = 0, where there is no exception. */
const NEVER = 1e-300;

/**
 * How sure someone can become who knows everything else: “who was 1 % sure … can become at most x % sure, except with
 * probability δ′”, from {@link posteriorCeiling}. With δ > 0, “at most e^ε times the odds” would be false: this is the true
 * sentence of that kind, and an exception belongs to it. Rounded up.
 */
export function beliefSentence(
  bound: EpsilonBound,
  { others, belief }: Subject,
  options: BeliefOptions,
): string {
  const { epsilon, delta, relation, accountant } = bound;
  const prior = requireNumber(
    options.prior ?? PRIOR,
    'prior',
    'a number between 0 and 1',
    (p) => p > 0 && p < 1,
  );
  const point = curveThrough(relation, accountant, [{ epsilon, delta }]);
  const curves = options.curve === undefined ? [point] : [point, requireSameRelation(options.curve, bound)];
  const least = Math.min(
    ...curves.map(({ epsilons, deltas }) =>
      epsilons.length === 0 ? 1 : deltas.reduce((a, b) => Math.min(a, b), 1),
    ),
  );
  const given = options.exception === undefined ? undefined : requireDelta(options.exception, 'exception');
  const exception = given ?? (delta === 0 ? NEVER : Math.min(0.5, EXCEPTION_IN_DELTAS * delta));
  if (given !== undefined && given <= least) {
    throw invalidArgument('exception', `above ${least}, the least δ that is proved`, given);
  }
  const posterior = curves.reduce(
    (smallest, curve) => Math.min(smallest, posteriorCeiling(curve, { prior, exception }).posterior),
    1,
  );
  const before = `${formatNumber(prior * 100, 4)} %`;
  const percent = Math.ceil(posterior * 1000 * (1 + 1e-12)) / 10;
  const rarely = exception === NEVER ? '' : `, except with probability ${formatUp(exception)}`;
  const start = `Someone who knows ${others}, and was ${before} sure that ${belief},`;
  return percent >= 99.95
    ? `${start} may become quite sure: this bound alone does not limit that.`
    : `${start} can become at most ${formatNumber(percent, 4)} % sure${rarely}.`;
}

function requireSameRelation(curve: DeltaCurve, { relation }: EpsilonBound): DeltaCurve {
  if (curve.relation === relation) return curve;
  throw invalidArgument('curve', `a curve under ${relation}, as the bound is`, curve.relation);
}
