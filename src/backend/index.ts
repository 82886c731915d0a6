/**
 * backend: which of tfjs's backends computes, and why.
 *
 * Is: the choice (`selectBackend`), the list of what loads here (`availableBackends`), and the examination of an
 * installation (`doctor`). Is not: a backend of its own, nor a wrapper around tensors; after the choice the
 * toolkit talks to tfjs-core alone.
 *
 * Invariants:
 * - No backend package is imported before it is asked for, and each is optional.
 * - Whatever loads, the active backend changes only by `selectBackend`: importing tfjs-node, which makes itself
 *   the default, is undone.
 * - A backend that was asked for by name and does not load is an error; only the automatic choice falls back.
 * - Every choice says its reason, every failure what to do.
 */

export type { BackendInfo } from './backend-info.js';
export { type DoctorReport, doctor } from './doctor.js';
export { availableBackends, selectBackend } from './select-backend.js';
