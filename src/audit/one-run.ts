import betainc from '@stdlib/math-base-special-betainc';
import { DpError } from 'privacy-accounting';
import { checkAlpha, checkDelta } from './clopper-pearson.js';

/** `correct` of `guesses` membership guesses were right, about `coins` examples whose membership was random. */
export interface OneRunCounts {
  /** m: examples put in or left out by a coin. */
  readonly coins: number;
  /** r ≤ m: guesses made, a number fixed before the guesses were checked. */
  readonly guesses: number;
  /** v ≤ r. */
  readonly correct: number;
}

/**
 * p-value of "the mechanism is (ε, δ)-DP" after one training run:
 * p = P[W ≥ v] + 2mδ · max_{1≤i≤v} P[v − i ≤ W < v]/i with W ~ Binomial(r, e^ε/(1 + e^ε)).
 *
 * Exact, under add-or-remove-one, for m independent fair coins however strongly the m scores depend on each
 * other through the one model that they share (Steinke, Nasr & Jagielski 2023, main theorem for approximate DP). The number of
 * guesses must not depend on the coins being guessed. Rounded up.
 */
export function oneRunPValue(
  counts: OneRunCounts & { readonly epsilon: number; readonly delta: number },
): number {
  checkCounts(counts);
  checkDelta(counts.delta);
  if (!(counts.epsilon >= 0)) {
    throw new DpError('DP_INVALID_ARGUMENT', `epsilon: expected a number ≥ 0, got ${counts.epsilon}.`);
  }
  const { coins, guesses, correct, delta } = counts;
  if (correct === 0 || guesses === 0 || counts.epsilon === Number.POSITIVE_INFINITY) return 1;
  const right = 1 / (1 + Math.exp(-counts.epsilon));
  const tail = betainc(right, correct, guesses - correct + 1);
  return Math.min(
    1,
    (tail + 2 * coins * delta * largestWindow(guesses, correct, counts.epsilon)) * (1 + 1e-11),
  );
}

/**
 * ε ≥ sup{ε : p(ε) < alpha} with p from {@link oneRunPValue}: a lower bound in nats at confidence 1 − alpha,
 * from one training run. 0 when nothing can be said. Errs downward (bisection keeps the rejected end).
 *
 * @example
 * oneRunEpsilonLowerBound({ coins: 1000, guesses: 100, correct: 100, delta: 1e-5, alpha: 0.05 }); // 3.4653…
 */
export function oneRunEpsilonLowerBound(
  options: OneRunCounts & { readonly delta: number; readonly alpha: number },
): number {
  checkAlpha(options.alpha);
  const rejected = (epsilon: number) => oneRunPValue({ ...options, epsilon }) < options.alpha;
  if (!rejected(0)) return 0;
  let low = 0;
  let high = 1;
  while (rejected(high)) {
    low = high;
    high *= 2;
    if (high > 1024) return low;
  }
  while (high - low > 1e-10 * high) {
    const middle = (low + high) / 2;
    if (rejected(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/**
 * ln(1/P) where P = C(2n, n)/4ⁿ is the chance that 2n fair coins fall exactly half in, half out.
 *
 * An audit set with n members and n non-members, assigned uniformly at random, is 2n fair coins given that
 * event; whatever has probability α under the coins has at most α/P given the event. So a random split of
 * fixed size pays for not being coins by dividing alpha by exp(this) ≈ √(πn).
 */
export function balancedSplitPenalty(n: number): number {
  let logPenalty = 0;
  for (let i = 1; i <= n; i++) logPenalty -= Math.log1p(-1 / (2 * i));
  return logPenalty * (1 + 1e-12);
}

/** max_{1≤i≤v} P[v − i ≤ W < v]/i, W ~ Binomial(r, p) with log-odds `logOdds`: the best mean mass below v. */
function largestWindow(r: number, v: number, logOdds: number): number {
  let logMass = -r * (logOdds + Math.log1p(Math.exp(-logOdds)));
  const masses = new Float64Array(v);
  for (let k = 0; k < v; k++) {
    masses[k] = Math.exp(logMass);
    logMass += Math.log((r - k) / (k + 1)) + logOdds;
  }
  let sum = 0;
  let best = 0;
  for (let i = 1; i <= v; i++) {
    sum += masses[v - i]!;
    if (sum / i > best) best = sum / i;
  }
  return best;
}

function checkCounts({ coins, guesses, correct }: OneRunCounts): void {
  const integers = [coins, guesses, correct].every((count) => Number.isSafeInteger(count) && count >= 0);
  if (!integers || coins < 1 || guesses > coins || correct > guesses) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `one-run counts: expected integers with 0 ≤ correct ≤ guesses ≤ coins and coins ≥ 1, ` +
        `got correct ${correct}, guesses ${guesses}, coins ${coins}.`,
    );
  }
}
