import { describe, expect, it } from 'vitest';
import { type Panel, positionOn, ticksOf } from './panel.js';
import { textPlot } from './text-plot.js';

const panel: Panel = {
  title: 'A line',
  description: 'From 0 to 10.',
  x: { label: 'steps', scale: 'linear', domain: [0, 10], format: String },
  y: { label: 'ε', scale: 'linear', domain: [0, 10], format: String },
  series: [
    {
      label: 'rdp',
      kind: 'curve',
      points: [
        [0, 0],
        [10, 10],
      ],
    },
  ],
  marks: [],
};

describe('ticksOf', () => {
  it.each([
    [[0, 10], 5, [0, 2, 4, 6, 8, 10]],
    [[0, 2.6], 3, [0, 1, 2]],
    [[0, 14_063], 6, [0, 5000, 10_000]],
    [[0, 0.3], 3, [0, 0.1, 0.2, 0.3]],
    [[0, 4.76], 2, [0, 2, 4]],
  ] as const)('are round numbers over %j', (domain, most, ticks) => {
    expect(ticksOf({ ...panel.x, domain }, most)).toEqual(ticks);
  });

  it('are powers of ten on a logarithmic axis, thinned where there are many', () => {
    const axis = { ...panel.x, scale: 'log' } as const;
    expect(ticksOf({ ...axis, domain: [1e-3, 1] }, 5)).toEqual([1e-3, 1e-2, 0.1, 1]);
    expect(ticksOf({ ...axis, domain: [1e-15, 1] }, 4)).toEqual([1e-12, 1e-8, 1e-4, 1]);
  });

  it('lie on the axis', () => {
    for (const most of [2, 3, 7, 20]) {
      for (const end of [1e-6, 0.07, 3, 999, 1e9]) {
        const axis = { ...panel.x, domain: [0, end] as const };
        const ticks = ticksOf(axis, most);
        expect(ticks.length).toBeGreaterThan(1);
        for (const tick of ticks) expect(positionOn(axis, tick)).toBeDefined();
      }
    }
  });
});

it('stands signs on the curve that they name, in every row and column', () => {
  for (const ascii of [true, false]) {
    const points = Array.from({ length: 41 }, (_, i) => [i / 4, i / 4] as const);
    const drawn = { ...panel, series: [{ ...panel.series[0]!, points }] };
    const plain = textPlot(drawn, { columns: 40, ascii }).split('\n');
    for (const at of points) {
      const marked = textPlot({ ...drawn, marks: [{ at, label: 'here' }] }, { columns: 40, ascii }).split(
        '\n',
      );
      const row = marked.findIndex((line, i) => i > 0 && line.includes('o'));
      expect(plain[row]![marked[row]!.indexOf('o')]).toMatch(/[*\u2801-\u28ff]/);
    }
  }
});

describe('positionOn', () => {
  it('is undefined outside the axis, and for what is no number', () => {
    for (const value of [-1, 11, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(positionOn(panel.x, value)).toBeUndefined();
    }
    expect(positionOn({ ...panel.x, scale: 'log', domain: [1e-4, 1] }, 0)).toBeUndefined();
    expect(positionOn({ ...panel.x, scale: 'log', domain: [1e-4, 1] }, 0.01)).toBeCloseTo(0.5, 12);
  });
});

describe('textPlot', () => {
  it('draws a diagonal from corner to corner', () => {
    const lines = textPlot(panel, { columns: 40, rows: 8, ascii: true }).split('\n');
    expect(lines[0]).toBe('A line');
    const rows = lines.slice(1, 9);
    const places = rows.map((row) => row.indexOf('*'));
    expect(places).toEqual([...places].sort((a, b) => b - a));
    expect(rows[0]).toMatch(/\*$/);
    expect(rows[7]).toMatch(/[|+]\*/);
  });

  it('keeps within its columns, in both alphabets', () => {
    for (const columns of [30, 60, 100]) {
      for (const ascii of [true, false]) {
        const lines = textPlot(panel, { columns, ascii }).split('\n');
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
        if (ascii) expect(lines.slice(1).join('')).toMatch(/^[\x20-\x7e]*$/);
      }
    }
  });

  it('names several curves by letters, guides by dots, and points by a sign', () => {
    const text = textPlot(
      {
        ...panel,
        series: [
          ...panel.series,
          { label: 'pld', kind: 'curve', points: Array.from({ length: 11 }, (_, i) => [i, i / 2] as const) },
          { label: 'guessing', kind: 'guide', points: panel.series[0]!.points },
        ],
        marks: [{ at: [5, 9], label: 'half way' }],
      },
      { columns: 60 },
    );
    expect(text).toContain('A rdp   B pld   dotted: guessing   o half way');
    expect(text).toMatch(/B/);
    expect(text).toMatch(/│.*o/);
  });

  it('leaves out what lies outside the axes', () => {
    const inside = textPlot(panel, { columns: 50 });
    const points = [
      ...panel.series[0]!.points,
      [20, 5],
      [Number.NaN, 1],
      [3, Number.POSITIVE_INFINITY],
    ] as const;
    expect(textPlot({ ...panel, series: [{ ...panel.series[0]!, points }] }, { columns: 50 })).toBe(inside);
  });
});
