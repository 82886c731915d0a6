import type { FigureSize } from './plot.js';
import type { SeriesStyle } from './series-style.js';

/** A drawing together with everything that makes it readable without seeing it. */
export interface Figure {
  /** Unique in the page: letters, digits and hyphens. */
  readonly id: string;
  readonly title: string;
  /** What the drawing shows, in one or two sentences. */
  readonly description: string;
  /** Shown under the title: how to read it. */
  readonly caption: string;
  /** Whether it shows private values. */
  readonly private: boolean;
  readonly legend: readonly LegendEntry[];
  readonly table: FigureTable;
  /** The drawing for the page and for a telephone, as SVG text. */
  readonly svg: Readonly<Record<'wide' | 'narrow', string>>;
}

export interface LegendEntry {
  readonly label: string;
  /** `ceiling` is the colour of the run whose guarantee it is. */
  readonly style: SeriesStyle | { readonly ceiling: string } | 'chance' | 'members' | 'non-members';
}

/** The numbers behind a figure. The first column names the row. */
export interface FigureTable {
  /** What the cells hold, where the columns do not say it. */
  readonly cells?: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Draws the same plot once for the page and once for a telephone. */
export function twoSizes(
  wide: Exclude<FigureSize, 'narrow'>,
  draw: (size: FigureSize) => string,
): Figure['svg'] {
  return { wide: draw(wide), narrow: draw('narrow') };
}
