import { type Panel, type PanelPoint, type PanelSeries, positionOn, ticksOf } from './panel.js';

export interface TextPlotOptions {
  /** Characters that a line may have. */
  readonly columns: number;
  /** Lines of the plot's own area. Default 12. */
  readonly rows?: number;
  /** Draw with ASCII characters only, for terminals without Unicode. */
  readonly ascii?: boolean;
}

/** The eight dots of a braille cell, by column and row. */
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;

const LINES = {
  unicode: { side: '│', tick: '┤', floor: '─', corner: '└', mark: '┬' },
  ascii: { side: '|', tick: '+', floor: '-', corner: '+', mark: '+' },
};

/**
 * A plot as text: curves of braille dots (eight to a character), or of `*` in ASCII; guides dotted; named points as `o`;
 * several curves told apart by letters on them. Without colour, and without a line break at the end.
 *
 * @example
 * process.stdout.write(`${textPlot(panel, { columns: 80 })}\n`);
 */
export function textPlot(panel: Panel, { columns, rows = 12, ascii = false }: TextPlotOptions): string {
  const yTicks = ticksOf(panel.y, Math.max(2, Math.floor(rows / 3)));
  const labels = yTicks.map(panel.y.format);
  const margin = Math.max(...labels.map((label) => label.length), 1) + 2;
  const width = Math.max(16, columns - margin - 1);
  const canvas = new Canvas(width, rows, ascii);
  const curves = panel.series.filter(({ kind }) => kind === 'curve');
  for (const series of panel.series) drawSeries(canvas, panel, series);
  if (curves.length > 1) {
    for (const [i, series] of curves.entries()) drawLetters(canvas, panel, series, i, curves.length);
  }
  for (const { at } of panel.marks) canvas.put(cellOf(canvas, panel, at), 'o');
  const lines = canvas.lines();
  const signs = ascii ? LINES.ascii : LINES.unicode;
  const left = new Map(yTicks.map((tick, i) => [canvas.rowAt(positionOn(panel.y, tick)!), labels[i]!]));
  const body = lines.map((line, row) => {
    const label = left.get(row);
    return `${(label ?? '').padStart(margin - 2)} ${label === undefined ? signs.side : signs.tick}${line}`.trimEnd();
  });
  return [
    panel.title,
    ...body,
    ...floor(panel, margin, canvas, signs),
    ...legend(panel, curves, columns),
  ].join('\n');
}

function floor(
  { x }: Panel,
  margin: number,
  canvas: Canvas,
  signs: (typeof LINES)['unicode'],
): readonly string[] {
  const { width } = canvas;
  const line = Array.from({ length: width }, () => signs.floor);
  const labels = Array.from({ length: margin + width + 1 }, () => ' ');
  let free = 0;
  for (const tick of ticksOf(x, Math.max(2, Math.floor(width / 12)))) {
    const at = canvas.columnAt(positionOn(x, tick)!);
    const label = x.format(tick);
    const start = Math.min(
      Math.max(0, margin + at - Math.floor(label.length / 2)),
      labels.length - label.length,
    );
    line[at] = signs.mark;
    if (start < free) continue;
    labels.splice(start, label.length, ...label);
    free = start + label.length + 1;
  }
  const name = x.label;
  const indent = Math.max(0, margin + Math.floor((width - name.length) / 2));
  return [
    `${' '.repeat(margin - 1)}${signs.corner}${line.join('')}`,
    labels.join('').trimEnd(),
    `${' '.repeat(indent)}${name}`,
  ];
}

function legend(
  { series, marks }: Panel,
  curves: readonly PanelSeries[],
  columns: number,
): readonly string[] {
  const entries = [
    ...(curves.length > 1 ? curves.map(({ label }, i) => `${letter(i)} ${label}`) : []),
    ...series.filter(({ kind }) => kind === 'guide').map(({ label }) => `dotted: ${label}`),
    ...marks.map(({ label }) => `o ${label}`),
  ];
  const lines: string[] = [];
  for (const entry of entries) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 3 + entry.length <= columns)
      lines[lines.length - 1] = `${last}   ${entry}`;
    else lines.push(`  ${entry}`);
  }
  return lines;
}

const letter = (index: number) => String.fromCharCode(65 + index);

function cellOf(canvas: Canvas, { x, y }: Panel, [a, b]: PanelPoint): readonly [number, number] | undefined {
  const [right, up] = [positionOn(x, a), positionOn(y, b)];
  if (right === undefined || up === undefined) return undefined;
  return [canvas.columnAt(right), canvas.rowAt(up)];
}

function drawSeries(canvas: Canvas, { x, y }: Panel, { kind, points }: PanelSeries): void {
  const [across, down] = [canvas.dotsAcross - 1, canvas.dotsDown - 1];
  let last: readonly [number, number] | undefined;
  let drawn = 0;
  for (const [a, b] of points) {
    const [right, up] = [positionOn(x, a), positionOn(y, b)];
    if (right === undefined || up === undefined) {
      last = undefined;
      continue;
    }
    const dot = [right * across, (1 - up) * down] as const;
    const from = last ?? dot;
    const count = Math.max(1, Math.ceil(Math.max(Math.abs(dot[0] - from[0]), Math.abs(dot[1] - from[1]))));
    for (let i = last === undefined ? count : 1; i <= count; i++) {
      const share = i / count;
      const visible = kind === 'curve' || drawn % canvas.dotSpacing === 0;
      if (visible) {
        canvas.dot(
          Math.round(from[0] + share * (dot[0] - from[0])),
          Math.round(from[1] + share * (dot[1] - from[1])),
          kind,
        );
      }
      drawn++;
    }
    last = dot;
  }
}

/** Letters that name a curve, along it; those of different curves stand at different places. */
function drawLetters(canvas: Canvas, panel: Panel, { points }: PanelSeries, index: number, of: number): void {
  const cells = points.flatMap((point) => {
    const cell = cellOf(canvas, panel, point);
    return cell === undefined ? [] : [cell];
  });
  for (const share of [0.3, 0.65]) {
    const at = Math.round((share + (0.25 * index) / of) * (cells.length - 1));
    canvas.put(cells[at], letter(index));
  }
}

/** Characters that dots and signs are put on. */
class Canvas {
  readonly width: number;
  readonly rows: number;
  readonly #ascii: boolean;
  readonly #cells: number[];
  readonly #signs = new Map<number, string>();

  constructor(width: number, rows: number, ascii: boolean) {
    this.width = width;
    this.rows = rows;
    this.#ascii = ascii;
    this.#cells = Array.from({ length: width * rows }, () => 0);
  }

  get dotsAcross(): number {
    return this.#ascii ? this.width : this.width * 2;
  }

  get dotsDown(): number {
    return this.#ascii ? this.rows : this.rows * 4;
  }

  /** The column that holds the dot of a position along the floor: signs stand on the curve that they name. */
  columnAt(right: number): number {
    return Math.floor(Math.round(right * (this.dotsAcross - 1)) / (this.dotsAcross / this.width));
  }

  /** The row that holds the dot of a height. */
  rowAt(up: number): number {
    return Math.floor(Math.round((1 - up) * (this.dotsDown - 1)) / (this.dotsDown / this.rows));
  }

  /** Dots from one of a dotted line to the next. */
  get dotSpacing(): number {
    return this.#ascii ? 2 : 4;
  }

  dot(right: number, down: number, kind: PanelSeries['kind']): void {
    if (this.#ascii) {
      const at = down * this.width + right;
      this.#cells[at] = Math.max(this.#cells[at]!, kind === 'curve' ? 2 : 1);
      return;
    }
    const at = (down >> 2) * this.width + (right >> 1);
    this.#cells[at] = this.#cells[at]! | DOTS[(right & 1) as 0 | 1][(down & 3) as 0 | 1 | 2 | 3];
  }

  put(cell: readonly [number, number] | undefined, sign: string): void {
    if (cell !== undefined) this.#signs.set(cell[1] * this.width + cell[0], sign);
  }

  lines(): readonly string[] {
    return Array.from({ length: this.rows }, (_, row) => {
      const cells = Array.from({ length: this.width }, (_, column) =>
        this.#character(row * this.width + column),
      );
      return cells.join('').trimEnd();
    });
  }

  #character(at: number): string {
    const sign = this.#signs.get(at);
    if (sign !== undefined) return sign;
    const dots = this.#cells[at]!;
    if (dots === 0) return ' ';
    return this.#ascii ? (dots === 2 ? '*' : '.') : String.fromCharCode(0x2800 + dots);
  }
}
