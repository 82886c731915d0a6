/**
 * The backend in use, with the facts that its speed depends on.
 *
 * @example
 * const { name, reason } = await selectBackend();
 * console.error(`computing on ${name}: ${reason}`);
 */
export interface BackendInfo {
  /** tfjs's own name: `tensorflow` (native), `wasm`, `cpu`, in a browser also `webgl` or `webgpu`. */
  readonly name: string;
  /** Why this one, as a phrase that completes "computing on NAME: …". */
  readonly reason: string;
  /** Threads that one operation may use; ≥ 1. GPU backends say 1: the number of host threads. */
  readonly threads: number;
  /** Whether SIMD instructions are used, where that is a question of the machine. */
  readonly simd?: boolean;
  /** The backend package's version, and for `tensorflow` the library's. */
  readonly version: string;
  /** What would make it faster, where something would. */
  readonly advice?: string;
}
