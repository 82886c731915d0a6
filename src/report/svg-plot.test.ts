import { parseHTML } from 'linkedom';
import { expect, it } from 'vitest';
import type { Panel } from './panel.js';
import { svgFigure } from './svg-plot.js';

const panel: Panel = {
  title: 'ε & steps <1>',
  description: 'From 0 to "10".',
  x: { label: 'steps', scale: 'linear', domain: [0, 10], format: String },
  y: { label: 'δ', scale: 'log', domain: [1e-6, 1], format: String },
  series: [
    {
      label: 'rdp',
      kind: 'curve',
      points: [
        [0, 1],
        [10, 1e-6],
        [11, 0],
      ],
    },
    {
      label: 'pld',
      kind: 'curve',
      points: [
        [0, 0.1],
        [10, 1e-5],
      ],
    },
  ],
  marks: [{ at: [5, 1e-3], label: 'here' }],
};

it('says what a title is true of, and names points where they stand', async () => {
  const tagged = {
    ...panel,
    marks: [1, 2].map((x) => ({ at: [x, 0.1] as const, label: `at ${x}`, tag: `≤ ${x}` })),
  };
  const svg = await svgFigure({ title: 'A', subtitle: 'for <x>', description: 'B.', panels: [tagged] });
  const { document } = parseHTML(`<!doctype html><html><body>${svg}</body></html>`);
  const texts = [...document.querySelectorAll('text')].map(({ textContent }) => textContent);
  expect(texts).toEqual(expect.arrayContaining(['for <x>', '≤ 1', '≤ 2', 'at 1 · at 2']));
});

it('is one file with everything in it, escaped, and curves that differ in more than colour', async () => {
  const svg = await svgFigure({ title: 'A <b>', description: 'All & more.', panels: [panel, panel] });
  expect(svg).not.toMatch(/<b>|<1>|NaN|Infinity|undefined|<script/);
  const { document } = parseHTML(`<!doctype html><html><body>${svg}</body></html>`);
  expect(document.querySelector('svg > title')?.textContent).toBe('A <b>');
  expect(document.querySelector('svg > desc')?.textContent).toContain('All & more. From 0 to "10".');
  expect(document.querySelectorAll('svg svg')).toHaveLength(2);
  const dashes = [...document.querySelectorAll('line.none, g > g > line')].map((line) =>
    line.getAttribute('stroke-dasharray'),
  );
  expect(new Set(dashes).size).toBe(2);
});
