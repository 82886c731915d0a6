/** How a quantity is laid out along an edge of a plot. */
export interface PanelAxis {
  readonly label: string;
  readonly scale: 'linear' | 'log';
  /** Both ends; positive for `log`. Points outside are not drawn. */
  readonly domain: readonly [least: number, most: number];
  readonly format: (value: number) => string;
}

export type PanelPoint = readonly [x: number, y: number];

/** One curve. `guide` is what it is compared with, such as pure guessing. */
export interface PanelSeries {
  readonly label: string;
  readonly kind: 'curve' | 'guide';
  readonly points: readonly PanelPoint[];
}

/** A point that is named, such as a ceiling at a usual false-positive rate. */
export interface PanelMark {
  readonly at: PanelPoint;
  readonly label: string;
  /** A few characters to stand beside the point, where there is room for text. */
  readonly tag?: string;
}

/** One plot of what a guarantee amounts to, before it is drawn as text or as SVG. */
export interface Panel {
  readonly title: string;
  /** What it shows, in a sentence with its main numbers, for those who don't see it. */
  readonly description: string;
  readonly x: PanelAxis;
  readonly y: PanelAxis;
  readonly series: readonly PanelSeries[];
  readonly marks: readonly PanelMark[];
}

/** Where a value lies along an axis: 0 at the least, 1 at the most; undefined outside, and for what is no number. */
export function positionOn({ scale, domain }: PanelAxis, value: number): number | undefined {
  const map = scale === 'log' ? Math.log : (x: number) => x;
  const [least, most] = [map(domain[0]), map(domain[1])];
  const position = (map(value) - least) / (most - least);
  return position >= -1e-9 && position <= 1 + 1e-9 ? Math.min(1, Math.max(0, position)) : undefined;
}

/**
 * Some `most` round values along an axis: multiples of 1, 2 or 5 times a power of ten, or powers of ten. At least two of
 * a linear one, without which it has no scale.
 */
export function ticksOf({ scale, domain: [least, greatest] }: PanelAxis, most: number): readonly number[] {
  if (scale === 'log') {
    const first = Math.ceil(Math.log10(least) - 1e-9);
    const last = Math.floor(Math.log10(greatest) + 1e-9);
    const every = Math.max(1, Math.ceil((last - first + 1) / most));
    const powers: number[] = [];
    for (let power = last; power >= first; power -= every) powers.unshift(Number(`1e${power}`));
    return powers;
  }
  const span = greatest - least;
  const unit = 10 ** Math.floor(Math.log10(span / most));
  const steps = [10, 5, 2, 1, 0.5].map((factor) => factor * unit);
  const ends = (step: number) =>
    [Math.ceil(least / step - 1e-9), Math.floor(greatest / step + 1e-9)] as const;
  const fit = steps.findLastIndex((step) => span / step <= most);
  const step = steps.slice(Math.max(0, fit)).find((size) => ends(size)[1] > ends(size)[0]) ?? span;
  const [first, last] = ends(step);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
