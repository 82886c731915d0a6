import type { Mechanism, MechanismCount } from '../events/mechanisms/mechanism.js';
import { gaussianMu } from '../gdp/index.js';
import { bracketRoot } from '../math/index.js';
import { rdpRefusal } from '../rdp/mechanism-curve.js';
import type { NeighboringRelation } from '../relation.js';
import { epsilonOfZcdp } from '../zcdp/conversion.js';
import { zcdpCost } from '../zcdp/mechanism-rho.js';
import { divergencesOf, logMixture, logTouching, ownDeltaOf, type WeightedOrder } from './order-mixture.js';

/** How a filter measures what was spent. Whether mechanisms fit depends on their multiset only. */
export interface FilterMeter {
  /** Why a mechanism can't be measured, as a sentence without its path; undefined when it can. */
  refusal(mechanism: Mechanism): string | undefined;
  /** Whether the budget holds for these mechanisms, all of them, chosen adaptively. */
  fits(mechanisms: readonly MechanismCount[]): boolean;
}

interface MeterBudget {
  readonly epsilon: number;
  readonly delta: number;
  /** The part of δ that is kept for the mechanisms' own δs. */
  readonly reservedDelta: number;
}

/**
 * Rényi divergences at several orders at once. With Sⱼ = Σ RDP(αⱼ) of all that was spent, mechanisms fit if
 *
 *   Σⱼ wⱼ·exp((αⱼ − 1)(ε − Sⱼ)) / c_{αⱼ} ≥ 1/δ,   Σ wⱼ ≤ 1,  wⱼ and αⱼ fixed beforehand.
 *
 * Proof. Let L be the privacy loss of the whole interaction, up to whatever time it stops at. Each
 * Mⱼ = exp((αⱼ − 1)(L − Sⱼ)) is a non-negative supermartingale from 1, because the next mechanism's parameters are known
 * before it runs: E Mⱼ ≤ 1 when it stops. And (1 − e^{ε−L})⁺ ≤ c_α·e^{(α−1)(L−ε)} for each α, so that
 * E(1 − e^{ε−L})⁺ ≤ δ·E[(1 − e^{ε−L})⁺·Σⱼ wⱼ e^{(αⱼ−1)(ε−Sⱼ)}/c_{αⱼ}] ≤ δ·Σⱼ wⱼ·E Mⱼ ≤ δ: (ε, δ)-DP. With a single order it is
 * the Rényi filter of Feldman & Zrnic 2021 (arXiv:2008.11193); which order decides may here depend on what came out.
 */
export function rdpMeter(
  budget: MeterBudget,
  relation: NeighboringRelation,
  orders: readonly WeightedOrder[],
): FilterMeter {
  const needed = -Math.log(budget.delta - budget.reservedDelta) * (1 + 4 * Number.EPSILON);
  return {
    refusal: (mechanism) => rdpRefusal(mechanism, relation),
    fits: (mechanisms) => {
      if (ownDeltaOf(mechanisms) > budget.reservedDelta) return false;
      const exponents = divergencesOf(mechanisms, orders).map((spent, j) => {
        const { order } = orders[j]!;
        const touching = logTouching(order);
        const scale = (order - 1) * (budget.epsilon + spent) - touching;
        return (order - 1) * (budget.epsilon - spent) - touching - 8 * Number.EPSILON * (scale + 1);
      });
      const mixture = logMixture(orders, exponents);
      return mixture - 8 * Number.EPSILON * (Math.abs(mixture) + 1) >= needed;
    },
  };
}

/**
 * zCDP: ρ adds up, and fits up to the largest total that implies (ε, δ). Every order α is bounded by α·ρ at once,
 * so that the best may be chosen. With ξ > 0 two totals would share the budget: refused.
 *
 * Source: Feldman & Zrnic 2021 (arXiv:2008.11193) at every order; Whitehouse, Ramdas, Rogers & Wu 2023
 * (arXiv:2203.05481) for approximate zCDP (the δs' sum apart).
 */
export function zcdpMeter(budget: MeterBudget): FilterMeter {
  const delta = budget.delta - budget.reservedDelta;
  const excess = (rho: number) => epsilonOfZcdp(rho, 0, delta).value - budget.epsilon;
  let above = 1;
  while (excess(above) <= 0) above *= 2;
  const { nonPositive: largest } = bracketRoot({
    f: excess,
    bracket: { positive: above, nonPositive: 0 },
    tolerance: (rho) => 1e-12 * rho + 1e-300,
  });
  return {
    refusal: (mechanism) => {
      const cost = zcdpCost(mechanism);
      if (cost === undefined)
        return `no ρ is known for a mechanism of kind ${mechanism.kind}. Use the rdp filter.`;
      return cost.xi > 0 ? 'a ξ above 0 has no filter. Use the rdp filter.' : undefined;
    },
    fits: (mechanisms) => {
      let rho = 0;
      let own = 0;
      for (const { mechanism, count } of mechanisms) {
        const cost = zcdpCost(mechanism)!;
        rho += count * cost.rho;
        own += count * cost.delta;
      }
      const slack = 1 + (mechanisms.length + 2) * Number.EPSILON;
      return rho * slack <= largest && own * slack <= budget.reservedDelta;
    },
  };
}

/**
 * Gaussian DP: Σ μᵢ² ≤ μ², μ the largest that is (ε, δ). Nothing is lost against parameters that were fixed beforehand.
 * Unsampled Gaussians only: f-DP of other kinds has no filter.
 *
 * Source: Smith & Thakurta 2022 (arXiv:2210.17520); Koskela, Tobaben & Honkela 2022 (arXiv:2209.15596).
 */
export function gdpMeter(budget: MeterBudget): FilterMeter {
  const largest =
    gaussianMu({ epsilon: budget.epsilon, delta: budget.delta }) ** 2 * (1 - 4 * Number.EPSILON);
  return {
    refusal: (mechanism) =>
      mechanism.kind === 'gaussian' && mechanism.samplingProbability === 1 && mechanism.noise === 'continuous'
        ? undefined
        : 'the gdp filter holds for unsampled, continuous Gaussian noise only. Use the rdp filter.',
    fits: (mechanisms) => {
      let sum = 0;
      for (const { mechanism, count } of mechanisms) {
        if (mechanism.kind === 'gaussian')
          sum += count / mechanism.noiseMultiplier / mechanism.noiseMultiplier;
      }
      return sum * (1 + (mechanisms.length + 4) * Number.EPSILON) <= largest;
    },
  };
}
