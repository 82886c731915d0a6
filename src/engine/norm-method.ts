/**
 * How the norms of one parameter's per-example gradients Σₜ left[i,t] ⊗ right[i,t] are found, chosen by shapes alone.
 *
 * - `factors`: ‖left‖·‖right‖, where each example has one position.
 * - `kept`: the gradients are formed, and kept, since the clipped sum is then one weighted row of them.
 * - `ghost`: Gram matrices over time, [T, T] an example (Li et al. 2021, 2110.05679, §4).
 * - `parts`: the gradients are formed a few examples at a time, squared, and let go.
 */
export type NormMethod = 'factors' | 'kept' | 'ghost' | 'parts';

/** Most elements of one parameter's per-example gradients that are kept from the norm to the sum. */
const KEEP_ELEMENTS = 1 << 23;
/** Most elements of them that are formed at a time. */
const INSTANTIATE_ELEMENTS = 1 << 25;

/** A parameter of `p` × `d` elements, met at `time` positions by each of `batch` examples. */
export interface OuterShape {
  readonly batch: number;
  readonly time: number;
  readonly p: number;
  readonly d: number;
}

export function normMethod({ batch, time, p, d }: OuterShape): NormMethod {
  if (time === 1) return 'factors';
  const elements = p * d;
  if (batch * elements <= KEEP_ELEMENTS) return 'kept';
  if (2 * time * time <= elements) return 'ghost';
  return batch * elements <= INSTANTIATE_ELEMENTS ? 'kept' : 'parts';
}

/** Examples whose gradients are formed at a time by `parts`. */
export function partSize({ p, d }: OuterShape): number {
  return Math.max(1, Math.floor(INSTANTIATE_ELEMENTS / (p * d)));
}
