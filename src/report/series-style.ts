import type { ReportRun } from './document.js';

/** How one run is drawn everywhere: a colour (a CSS variable), a mark and a line pattern, never colour alone. */
export interface SeriesStyle {
  readonly color: string;
  readonly symbol: 'circle' | 'square' | 'diamond' | 'triangle' | 'star' | 'times';
  /** SVG stroke-dasharray; 'none' for a solid line. */
  readonly dash: string;
  /** The colour's name, as a class of the page. */
  readonly name: string;
}

const OPEN: readonly SeriesStyle[] = [
  { name: 'open-1', color: 'var(--open-1)', symbol: 'circle', dash: 'none' },
  { name: 'open-2', color: 'var(--open-2)', symbol: 'times', dash: '9 3' },
];
const PRIVATE: readonly SeriesStyle[] = [
  { name: 'dp-1', color: 'var(--dp-1)', symbol: 'square', dash: 'none' },
  { name: 'dp-2', color: 'var(--dp-2)', symbol: 'diamond', dash: '7 3' },
  { name: 'dp-3', color: 'var(--dp-3)', symbol: 'triangle', dash: '2 3' },
  { name: 'dp-4', color: 'var(--dp-4)', symbol: 'star', dash: '9 3 2 3' },
];

/** A style for each run, by id: warm and round without privacy, cool and cornered with it. */
export function seriesStyles(runs: readonly ReportRun[]): ReadonlyMap<string, SeriesStyle> {
  const used = { open: 0, private: 0 };
  return new Map(
    runs.map((run) => {
      const family = run.private ? PRIVATE : OPEN;
      const index = run.private ? used.private++ : used.open++;
      return [run.id, family[index % family.length]!];
    }),
  );
}
