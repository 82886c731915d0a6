import { wrap } from './terminal.js';

/**
 * A table of text for people: columns as wide as their widest cell, the last one wrapped to what is left of `width`; or,
 * where that is too little, under its row. The first row is the head.
 */
export function columns(rows: readonly (readonly string[])[], width: number): string {
  const last = rows[0]!.length - 1;
  const widths = rows[0]!.slice(0, last).map((_, i) => Math.max(...rows.map((row) => row[i]!.length)) + 2);
  const left = 2 + widths.reduce((sum, size) => sum + size, 0);
  const room = width - left;
  return rows
    .map((row) => {
      const cells = `  ${row
        .slice(0, last)
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('')}`;
      const text = row[last]!;
      if (room >= 24) return `${cells}${wrap(text, width, ' '.repeat(left)).slice(left)}`.trimEnd();
      return [cells.trimEnd(), ...(text === '' ? [] : [wrap(text, width, '    ')])].join('\n');
    })
    .join('\n');
}
