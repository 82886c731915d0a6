/** The part of cli-progress that the examples use; the package brings no types. */
declare module 'cli-progress' {
  interface BarOptions {
    readonly format?: string;
    readonly stream?: NodeJS.WriteStream;
    readonly etaBuffer?: number;
    readonly barsize?: number;
    readonly gracefulExit?: boolean;
  }
  class SingleBar {
    constructor(options: BarOptions, preset?: object);
    start(total: number, startValue: number, payload?: object): void;
    update(value: number, payload?: object): void;
    stop(): void;
  }
  const Presets: { readonly shades_classic: object };
  export default { SingleBar, Presets };
}
