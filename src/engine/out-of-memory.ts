/** What the backends say when an allocation fails; a lost context or device is not among it. */
const SIGNS: readonly RegExp[] = [
  // JavaScript: typed arrays and their buffers.
  /array buffer allocation failed/i,
  /invalid (typed )?array (buffer )?length/i,
  // WebAssembly, where the heap cannot grow.
  /out of memory/i,
  /\baborted?\b.*\boom\b/i,
  /cannot enlarge memory/i,
  // TensorFlow.
  /\boom when allocating/i,
  /resource ?exhausted/i,
  /failed to allocate memory/i,
  /std::bad_alloc/i,
  // WebGL and WebGPU.
  /requested texture size/i,
  /unable to create webgltexture/i,
];

const LOST = /context[ _]?(was )?lost|lost.*context|device (was )?lost/i;

/**
 * Whether an error says that memory ran out, so that the same work in smaller parts may succeed.
 *
 * By the texts of the backends' messages, since they have no codes: an error that none of them matches is not
 * taken for one. A lost WebGL context is none: nothing that was on the device is left. Nor is "memory access out of
 * bounds" in WebAssembly: a kernel that ran past the end may have written over weights first.
 */
export function isOutOfMemory(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { name, message, cause } = error;
  if (LOST.test(message)) return false;
  if (SIGNS.some((sign) => sign.test(message) || sign.test(name))) return true;
  return cause !== undefined && isOutOfMemory(cause);
}
