/** Renderers that draw on the processor, by the names that browsers give them. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

let known: boolean | undefined;

/**
 * Whether WebGL in this page runs on a graphics processor. A renderer in software compiles a shader for every shape,
 * and then computes more slowly than WebAssembly.
 */
export function hasGraphicsProcessor(): boolean {
  known ??= lookForGraphicsProcessor();
  return known;
}

function lookForGraphicsProcessor(): boolean {
  const canvas =
    typeof OffscreenCanvas === 'function'
      ? new OffscreenCanvas(1, 1)
      : typeof document === 'object'
        ? document.createElement('canvas')
        : undefined;
  const gl = (canvas?.getContext('webgl2') ?? canvas?.getContext('webgl')) as
    | WebGLRenderingContext
    | null
    | undefined;
  if (gl === null || gl === undefined) return false;
  const details = gl.getExtension('WEBGL_debug_renderer_info');
  const renderer = String(gl.getParameter(details?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER));
  gl.getExtension('WEBGL_lose_context')?.loseContext(); // Contexts are few: this one is not needed any more.
  return !SOFTWARE.test(renderer);
}
