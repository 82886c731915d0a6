import type { Direction } from './grid-choice.js';
import type { PairCount } from './saddle-point.js';

const U = 2 ** -53;

/** δ(ε) ≤ δ for every ε from `epsilon` on. */
export interface LossCeiling {
  readonly epsilon: number;
  /** ln of the probability of a loss of ∞, at most. */
  readonly logDelta: number;
}

/**
 * What basic composition says: no finite loss is above the sum of the largest ones of the steps. Where those are bounded
 * (Laplace noise, randomized response) it is exact for the smallest δ, which a grid resolves to its interval only.
 */
export function lossCeiling(parts: readonly PairCount[], direction: Direction): LossCeiling {
  let epsilon = 0;
  let logFinite = 0;
  for (const { pair, count } of parts) {
    const remove = direction === 'remove';
    let most = Number.NEGATIVE_INFINITY;
    for (const { loss, p, q } of pair.atoms) {
      if ((remove ? p : q) > 0) most = Math.max(most, remove ? loss : -loss);
    }
    for (const { lowest, highest } of pair.continua) most = Math.max(most, remove ? highest : -lowest);
    epsilon += count * (most + pair.lossRounding + 4 * pair.relativeError + 64 * U * (1 + Math.abs(most)));
    const infinite = (remove ? pair.singular.p : pair.singular.q) * (1 + pair.relativeError);
    logFinite += count * Math.log1p(-Math.min(1, infinite));
  }
  const mass = -Math.expm1(logFinite) * (1 + (16 + parts.length) * U);
  return { epsilon: Math.max(0, epsilon), logDelta: Math.log(mass) };
}
