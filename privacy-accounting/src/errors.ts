/** Stable, machine-readable names of what went wrong. A code never changes its meaning between versions. */
export type DpErrorCode =
  /** A value is outside its range, or of the wrong type. */
  | 'DP_INVALID_ARGUMENT'
  /** No valid bound is known for this event under this relation by this accountant. */
  | 'DP_UNSUPPORTED_EVENT'
  /** The per-example gradient engine has no proof for this operation. */
  | 'DP_UNSUPPORTED_OP'
  /** One example's data reach another example's loss. */
  | 'DP_CROSS_EXAMPLE'
  /** The next step would spend more than the budget. */
  | 'DP_BUDGET_EXCEEDED'
  /** A computation left the range in which its result can be trusted. */
  | 'DP_NUMERICAL'
  /** A guarantee was asked of something that has none, such as seeded noise. */
  | 'DP_NOT_PRIVATE'
  /** A file or directory is truncated, altered or not what it says. */
  | 'DP_CORRUPT'
  /** Gradients reached the optimizer that it did not clip and noise itself. */
  | 'DP_UNNOISED_GRADIENT'
  /** The engine's own norms or sums disagree with masked back-propagation. */
  | 'DP_SELF_CHECK'
  /** The device that held the tensors was lost in the middle of a run. */
  | 'DP_BACKEND_LOST'
  /** Not even one example, or the update of the weights, fits memory. */
  | 'DP_OUT_OF_MEMORY'
  /** Reading or writing failed: disk full, permission, missing file. */
  | 'DP_IO';

/**
 * The one error class of the toolkit: a stable `code` and a message that says what was expected, what came,
 * and what to do.
 *
 * @example
 * try { gaussian({ noiseMultiplier: -1 }); } catch (error) {
 *   if (error instanceof DpError && error.code === 'DP_INVALID_ARGUMENT') console.error(error.message);
 * }
 */
export class DpError extends Error {
  override readonly name = 'DpError';
  readonly code: DpErrorCode;

  constructor(code: DpErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
