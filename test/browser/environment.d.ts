/** Vite's imports of files by their address. */
declare module '*.wasm?url' {
  const address: string;
  export default address;
}

interface ImportMeta {
  /** Set by vitest.browser.config.ts. */
  readonly env: { readonly WHOLE_ENGINE?: boolean };
}
