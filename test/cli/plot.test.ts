import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { afterAll, describe, expect, it } from 'vitest';
import { cli, cliIn, ESCAPE, PLAN } from './captured.js';

const folder = mkdtempSync(join(tmpdir(), 'cli-plot-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ASKED = [...PLAN, '--accountant', 'rdp'];
const TITLES = ['ε against steps, at δ = 1e-5', 'δ against ε', 'Found by any attacker, against false alarms'];
const BRAILLE = /[\u2800-\u28ff]/;

interface Plotted {
  readonly title: string;
  readonly series: readonly {
    readonly label: string;
    readonly points: readonly (readonly [number, number])[];
  }[];
}

describe('--plot', () => {
  it('draws three plots as text within the width, without escape codes', async () => {
    for (const columns of [50, 80, 200]) {
      const { code, stdout } = await cliIn({ columns }, 'budget', ...ASKED, '--plot');
      expect(code).toBe(0);
      for (const title of TITLES) expect(stdout).toContain(title);
      expect(stdout).toMatch(BRAILLE);
      expect(stdout).not.toContain(ESCAPE);
      const lines = stdout.slice(stdout.indexOf(TITLES[0]!)).split('\n');
      const drawn = lines.filter((line) => BRAILLE.test(line) || /[─┤│]/.test(line));
      expect(Math.max(...drawn.map((line) => line.length))).toBeLessThanOrEqual(Math.min(columns, 100));
    }
  });

  it.each([{ TERM: 'dumb' }, { LANG: 'C' }, { LC_ALL: 'POSIX', LANG: 'en_US.UTF-8' }])(
    'draws with ASCII where the terminal has no more: %j',
    async (env) => {
      const { stdout } = await cliIn({ env }, 'budget', ...ASKED, '--plot');
      expect(stdout).not.toMatch(BRAILLE);
      expect(stdout).toMatch(/\*{3}/);
    },
  );

  it('draws the compared accountants, told apart by letters', async () => {
    const { stdout } = await cli('budget', ...ASKED, '--compare', 'rdp,clt,gdp', '--plot');
    expect(stdout).toContain('A rdp   B clt');
  });

  it('holds curves that are monotone, and consistent with the answer', async () => {
    const answer = (await cli('budget', ...ASKED, '--plot', '--json')).json();
    const [steps, deltas, tradeOff] = answer.plots as readonly Plotted[];
    const points = (plot: Plotted | undefined) => plot!.series[0]!.points;
    const ys = (plot: Plotted | undefined) => points(plot).map(([, y]) => y);
    expect(ys(steps)).toEqual([...ys(steps)].sort((a, b) => a - b));
    expect(points(steps).at(-1)).toEqual([14_063, answer.epsilon]);
    expect(ys(deltas)).toEqual([...ys(deltas)].sort((a, b) => b - a));
    expect(ys(tradeOff)).toEqual([...ys(tradeOff)].sort((a, b) => a - b));
    for (const [falsePositives, truePositives] of points(tradeOff)) {
      expect(truePositives).toBeGreaterThanOrEqual(falsePositives);
    }
    expect(answer.plotFile).toBe(null);
  });

  it.each([
    [
      'a single step',
      '{"type":"poissonSampled","samplingProbability":0.004,"event":{"type":"gaussian","noiseMultiplier":1.1}}',
    ],
    ['pure noise', '{"type":"laplace","parameter":2}'],
    ['a huge ε', '{"type":"gaussian","noiseMultiplier":0.02}'],
    ['a tiny ε', '{"type":"gaussian","noiseMultiplier":1e5}'],
  ])('draws δ against ε through the answer: %s', async (_, stdin) => {
    const asked = ['--event', '-', '--delta', '1e-6', '--plot', '--json'];
    const answer = (await cliIn({ stdin }, 'budget', ...asked)).json();
    const { points } = (answer.plots as readonly Plotted[])[1]!.series[0]!;
    const at = points.find(([epsilon]) => epsilon === answer.epsilon);
    expect(at?.[1]).toBeLessThanOrEqual(1.001e-6);
    expect(at?.[1]).toBeGreaterThan(0.5e-6);
    // Beyond the largest loss of pure noise there is no δ left to draw.
    expect(points.at(-1)![1]).toBeLessThanOrEqual(at![1]);
  });

  it('keeps the labels of very small and very large axes short', async () => {
    const stdin =
      '{"type":"selfComposed","count":1000000000000,"event":{"type":"gaussian","noiseMultiplier":1e13}}';
    const { stdout } = await cliIn({ stdin }, 'budget', '--event', '-', '--delta', '1e-12', '--plot');
    expect(stdout).toMatch(/ 0 +2e11 +4e11 /);
    expect(stdout).not.toMatch(/0\.0000|00,000,000,000 {2}/);
  });

  it('draws what costs nothing', async () => {
    const around = { stdin: '{"type":"noOp"}' };
    const answer = (
      await cliIn(around, 'budget', '--event', '-', '--delta', '1e-5', '--plot', '--json')
    ).json();
    expect((answer.plots as readonly Plotted[])[1]!.series[0]!.points).toEqual([
      [0, 1e-9],
      [1, 1e-9],
    ]);
  });

  it('writes an SVG that stands by itself', async () => {
    const path = join(folder, 'budget.svg');
    const { code, stdout, stderr } = await cli('budget', ...ASKED, '--plot', path);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).not.toMatch(BRAILLE);
    const svg = readFileSync(path, 'utf8');
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" /);
    expect(svg).not.toMatch(/<script|href=|https?:\/\/(?!www\.w3\.org)|@import|url\(/);
    expect(svg).toContain('prefers-color-scheme:dark');
    const { document } = parseHTML(`<!doctype html><html><body>${svg}</body></html>`);
    const root = document.querySelector('svg')!;
    expect(root.getAttribute('role')).toBe('img');
    for (const id of root.getAttribute('aria-labelledby')!.split(' ')) {
      expect(document.getElementById(id)?.textContent?.length).toBeGreaterThan(10);
    }
    expect(root.textContent).toContain(TITLES[2]);
    expect(root.textContent).toContain('add-or-remove-one, for each example; by rdp, Rényi order');
    expect(document.querySelectorAll('svg svg')).toHaveLength(3);
    const machine = await cli('budget', ...ASKED, '--plot', path, '--json');
    expect(machine.json().plotFile).toBe(path);
  });

  it('says on a terminal what it wrote, on stderr', async () => {
    const path = join(folder, 'said.svg');
    const { stderr } = await cliIn({ isTTY: true }, 'budget', ...ASKED, '--plot', path);
    expect(stderr).toBe(`Wrote ${path}.\n`);
  });

  it('serves events and calibrate', async () => {
    const stdin = '{"type":"gaussian","noiseMultiplier":4}';
    const event = await cliIn({ stdin }, 'budget', '--event', '-', '--delta', '1e-5', '--plot');
    expect(event.stdout).toContain('ε against repetitions, at δ = 1e-5');
    const plan = PLAN.filter((word) => word !== '--noise-multiplier' && word !== '1.1');
    const found = await cli('calibrate', '--target-epsilon', '3', ...plan, '--accountant', 'rdp', '--plot');
    expect(found.stdout).toContain(TITLES[0]);
  });

  it.each([
    ['a format that it does not draw', ['--plot', 'plot.png'], /--plot must name an \.svg file/],
    ['a folder that does not exist', ['--plot', join(folder, 'none', 'plot.svg')], /does not exist/],
    ['a folder that is a file', ['--plot', join(import.meta.filename, 'plot.svg')], /is no folder/],
    ['what has no curve', ['--noise-multiplier', '0', '--plot'], /nothing to draw/],
  ])('refuses %s', async (_, words, message) => {
    const { code, stdout, stderr } = await cli('budget', ...ASKED, ...words);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
  });

  it('prints the answer even if the file cannot be written, and then fails', async () => {
    const path = join(folder, 'taken.svg');
    mkdirSync(path);
    const { code, stdout, stderr } = await cli('budget', ...ASKED, '--plot', path);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ε ≤ /);
    expect(stderr).toContain("can't be written");
    expect(existsSync(path)).toBe(true);
  });
});
