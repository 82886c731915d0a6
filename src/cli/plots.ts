import { statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  type AccountantName,
  type AccountingOptions,
  DpError,
  type EpsilonBound,
  epsilonOverSteps,
  type PrivacyAccountant,
  type TradeOffBound,
  tradeOffOfAccountant,
} from 'privacy-accounting';
import type { Panel, PanelPoint, PanelSeries } from '../report/panel.js';
import {
  type Answer,
  accountantOf,
  boundText,
  deltaUp,
  directionOf,
  grouped,
  short,
  unitOf,
} from './answer.js';
import { percent, percentUp, USUAL_RATES } from './ceilings.js';
import { accountantWith, deltasUpTo } from './curves.js';
import type { Extra } from './extras.js';
import { badInput, WriteError } from './failure.js';
import { repeated } from './repeated.js';
import { type Terminal, textWidth } from './terminal.js';

/** Where plots go, and whose curves are drawn beside the answer's. */
export interface PlotRequest {
  readonly target: string | true;
  readonly compare?: readonly AccountantName[];
}

/** Numbers of repetitions that are asked about. */
const COUNTS = 24;
/** How often an event that repeats nothing is repeated, to be compared. */
const SINGLE = 10;
const LEAST_RATE = 1e-4;

/**
 * ε against steps, δ against ε, and the most that an attacker finds at each rate of false alarms: as text for a terminal,
 * or as one SVG file. The points are in JSON either way.
 */
export async function plots(
  answer: Answer,
  { target, compare }: PlotRequest,
  options: AccountingOptions,
): Promise<Extra> {
  const { bound } = answer;
  if (typeof target === 'string') requireFolder(dirname(target), target);
  if (bound.epsilon === Number.POSITIVE_INFINITY) {
    throw badInput('--plot has nothing to draw: ε is ∞ at every δ. Add noise, or leave --plot out.');
  }
  const names = [...new Set([...(compare ?? []), bound.accountant])];
  const known = names.flatMap(
    (name) => unlessRefused(() => accountantWith(name, answer.event, options)) ?? [],
  );
  const own = known.find(({ name }) => name === bound.accountant)!;
  const panels = [
    stepsPanel(
      answer,
      known.map(({ name }) => name),
      options,
    ),
    deltaPanel(answer, known),
    ...(bound.direction === 'upper' ? [tradeOffPanel(tradeOffOfAccountant(own))] : []),
  ];
  const json = {
    plots: panels.map(({ title, x, y, series, marks }) => ({
      ...{ title, x: x.label, y: y.label, series },
      marks: marks.map(({ at, label }) => ({ at, label })),
    })),
  };
  if (typeof target === 'string') {
    const { svgFigure } = await import('../report/svg-plot.js');
    const [title, subtitle] = [boundText(answer), circumstances(bound)];
    const svg = await svgFigure({ title, subtitle, description: `${title}. ${subtitle}.`, panels });
    const failure = written(target, svg);
    return {
      json: { ...json, plotFile: failure === undefined ? target : null },
      print: ({ stderr }) =>
        failure === undefined && stderr.isTTY === true && stderr.write(`Wrote ${target}.\n`),
      ...(failure === undefined ? {} : { failure }),
    };
  }
  const { textPlot } = await import('../report/text-plot.js');
  return {
    json: { ...json, plotFile: null },
    print(terminal) {
      const form = { columns: textWidth(terminal.stdout), ascii: wantsAscii(terminal) };
      for (const panel of panels) terminal.stdout.write(`\n${textPlot(panel, form)}\n`);
    },
  };
}

/** A plot that can't be written is known before it is computed. */
function requireFolder(folder: string, target: string): void {
  const status = statSync(folder, { throwIfNoEntry: false });
  if (status?.isDirectory()) return;
  const fault = status === undefined ? 'does not exist. Make it, or name another' : 'is no folder. Name one';
  throw badInput(`--plot ${target}: the folder ${folder} ${fault}.`);
}

/** Why a file could not be written; undefined when it was. */
function written(path: string, text: string): WriteError | undefined {
  try {
    writeFileSync(path, text);
    return undefined;
  } catch (cause) {
    return new WriteError(path, cause);
  }
}

/** What a figure is about: without it an ε means nothing. */
function circumstances(bound: EpsilonBound): string {
  return `${bound.relation}, for each ${unitOf(bound)}; by ${accountantOf(bound)} (${directionOf(bound)})`;
}

/** A value on an axis: short enough to stand beside its neighbours. */
function tickText(value: number): string {
  return value < 1e6 ? short(value) : value.toExponential().replace('+', '');
}

/** Whether the terminal says that it can't show more than ASCII. */
function wantsAscii({ env }: Terminal): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  return env.TERM === 'dumb' || (locale !== undefined && locale !== '' && !/utf-?8/i.test(locale));
}

function stepsPanel(answer: Answer, names: readonly AccountantName[], options: AccountingOptions): Panel {
  const { bound } = answer;
  const { unit, step, count: times } = repeated(answer);
  const count = times > 1 ? times : SINGLE;
  const counts = [
    ...new Set([1, ...Array.from({ length: COUNTS }, (_, i) => Math.ceil(count * ((i + 1) / COUNTS) ** 2))]),
  ];
  const { delta } = bound;
  const series = names.map((accountant): PanelSeries => {
    const curve = epsilonOverSteps(step, counts, { ...options, accountant, delta });
    const points = curve.epsilons.flatMap((epsilon, i): PanelPoint[] =>
      epsilon < Number.POSITIVE_INFINITY ? [[counts[i]!, epsilon]] : [],
    );
    return { label: accountant, kind: 'curve', points: [[0, 0], ...points] };
  });
  const most =
    Math.max(...series.flatMap(({ points }) => points.map(([, epsilon]) => epsilon)), bound.epsilon) || 1;
  const title = `ε against ${unit}, at δ = ${deltaUp(delta)}`;
  const asked = `${grouped(times)} ${times === 1 ? unit.replace(/(?<=pass)es$|s$/, '') : unit}`;
  const label = `${asked}: ${boundText(answer)}`;
  return {
    title,
    description: `${title}: ${label}.`,
    x: { label: unit, scale: 'linear', domain: [0, count], format: tickText },
    y: { label: 'ε', scale: 'linear', domain: [0, most * 1.05], format: tickText },
    series,
    marks: [{ at: [times, bound.epsilon], label }],
  };
}

function deltaPanel({ bound, asked }: Answer, known: readonly PrivacyAccountant[]): Panel {
  const farthest = bound.epsilon === 0 ? 1 : 2 * bound.epsilon;
  const least = Math.max(1e-15, Math.min(1e-6, bound.delta / 1e4));
  const series = known.map((accountant): PanelSeries => {
    return { label: accountant.name, kind: 'curve', points: deltasUpTo(accountant, farthest, least) };
  });
  const end = Math.max(...series.map(({ points }) => points.at(-1)![0]));
  const label = boundText({ bound, asked });
  return {
    title: 'δ against ε',
    description: `δ falls as ε grows: ${label}.`,
    x: { label: 'ε', scale: 'linear', domain: [0, end], format: tickText },
    y: { label: 'δ', scale: 'log', domain: [least, 1], format: short },
    series,
    marks: bound.delta >= least ? [{ at: [bound.epsilon, bound.delta], label }] : [],
  };
}

function tradeOffPanel(tradeOff: TradeOffBound): Panel {
  const decades = -Math.log10(LEAST_RATE);
  const rates = Array.from({ length: 81 }, (_, i) => Math.min(1, LEAST_RATE * 10 ** ((decades * i) / 80)));
  const ceilings = USUAL_RATES.map((rate) => ({ rate, found: tradeOff.truePositiveRate(rate) }));
  const marks = ceilings.map(({ rate, found }) => ({
    at: [rate, found] as const,
    label: `at ${percent(rate)}: at most ${percentUp(found)}`,
    tag: `≤ ${percentUp(found)}`,
  }));
  return {
    title: 'Found by any attacker, against false alarms',
    description: `The ceiling on true positives by rate of false positives: ${marks.map(({ label }) => label).join(', ')}.`,
    x: { label: 'false alarms', scale: 'log', domain: [LEAST_RATE, 1], format: percent },
    y: { label: 'found', scale: 'log', domain: [LEAST_RATE, 1], format: percent },
    series: [
      {
        label: `ceiling by ${tradeOff.accountant}`,
        kind: 'curve',
        points: rates.map((rate) => [rate, tradeOff.truePositiveRate(rate)]),
      },
      {
        label: 'guessing',
        kind: 'guide',
        points: [
          [LEAST_RATE, LEAST_RATE],
          [1, 1],
        ],
      },
    ],
    marks,
  };
}

function unlessRefused<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof DpError && error.code === 'DP_UNSUPPORTED_EVENT') return undefined;
    throw error;
  }
}
