import { type DpEvent, type EpsilonBound, jsonNumber, privacyStatement } from 'privacy-accounting';
import type { Plan } from './plan.js';
import type { Formulas } from './quantities.js';
import { facts, painter, type Terminal, textWidth, wrap } from './terminal.js';

/** A bound with everything that it is a bound of. */
export interface Answer {
  readonly bound: EpsilonBound;
  /** Which of ε and δ was asked for; the other one was given. */
  readonly asked: 'epsilon' | 'delta';
  readonly event: DpEvent;
  readonly plan?: Plan;
  readonly datasetSize?: number;
  /** Of a plan; absent for an event, which may hold several. */
  readonly noiseMultiplier?: number;
  readonly formulas?: Formulas;
}

/** The statement of an answer, in plain language. An approximation states nothing. */
function statementOf({ bound, event, datasetSize }: Answer): string {
  if (bound.direction !== 'upper') {
    return `No guarantee can be stated from this figure: ${bound.warning ?? 'it is no upper bound.'}`;
  }
  return privacyStatement(bound, { event, ...(datasetSize === undefined ? {} : { datasetSize }) });
}

/** The keys of one figure in JSON; ∞ is the string "inf", what does not apply is null. */
export function boundJson(bound: EpsilonBound): Record<string, unknown> {
  return {
    epsilon: jsonNumber(bound.epsilon),
    delta: bound.delta,
    relation: bound.relation,
    unit: bound.unit,
    contributions: bound.contributions ?? null,
    direction: bound.direction,
    accountant: bound.accountant,
    order: bound.order ?? null,
    warning: bound.warning ?? null,
  };
}

/** The keys that every answer has in JSON. */
export function answerJson(answer: Answer): Record<string, unknown> {
  const { bound, asked, event, plan, formulas = {} } = answer;
  return {
    asked,
    ...boundJson(bound),
    plan: plan ?? null,
    expressions: Object.keys(formulas).length === 0 ? null : formulas,
    events: event,
    statement: statementOf(answer),
  };
}

/** Prints an answer for people: the bound first, then what it is about, then what it means. */
export function printAnswer(answer: Answer, lead: string, terminal: Terminal): void {
  const { bound, plan, noiseMultiplier, formulas = {} } = answer;
  const paint = painter(terminal);
  const width = textWidth(terminal.stdout);
  const rows: [string, string][] = [
    ['relation', `${bound.relation}, for each ${unitOf(bound)}`],
    ...(bound.epsilon === Number.POSITIVE_INFINITY
      ? []
      : [['accountant', `${accountantOf(bound)} (${directionOf(bound)})`] as [string, string]]),
  ];
  if (plan !== undefined) rows.push(...planRows(plan));
  if (noiseMultiplier !== undefined) rows.push(['noise multiplier', roundedUp(noiseMultiplier, 6)]);
  for (const [name, { text, value }] of Object.entries(formulas)) {
    rows.push(['computed', `${name} = ${text} = ${Number(value.toPrecision(12))}`]);
  }
  terminal.stdout.write(
    `${paint(lead, 'bold')}\n\n${facts(rows, width)}\n\n${wrap(statementOf(answer), width)}\n`,
  );
}

/** `example`, or the user that a bound protects. */
export function unitOf({ unit, contributions }: EpsilonBound): string {
  return contributions === undefined ? unit : `${unit} of up to ${grouped(contributions)} examples`;
}

/** `rdp, Rényi order 8.12`. */
export function accountantOf({ accountant, order }: EpsilonBound): string {
  return order === undefined ? accountant : `${accountant}, Rényi order ${Number(order.toPrecision(4))}`;
}

/** `upper bound`, or that it is none. */
export function directionOf({ direction }: Pick<EpsilonBound, 'direction'>): string {
  return direction === 'approximation' ? 'approximation, no bound' : `${direction} bound`;
}

function planRows(plan: Plan): [string, string][] {
  const { sampler, datasetSize, batchSize, steps, stepsFrom, epochs, samplingProbability, passes } = plan;
  const size = batchSize === null ? '' : ` of ${short(batchSize)} on average`;
  const batches =
    sampler === 'poisson'
      ? `Poisson samples${size}, q = ${short(samplingProbability!)}`
      : `shuffled, ${grouped(batchSize!)} each; no amplification`;
  const origin = stepsFrom === '--steps' ? `${short(epochs)} epochs` : `= ${stepsFrom}`;
  return [
    ...(datasetSize === null ? [] : [['data set', `${grouped(datasetSize)} examples`] as [string, string]]),
    ['batches', batches],
    ['steps', `${grouped(steps)} (${origin})`],
    ...(passes === null
      ? []
      : [['passes', `${grouped(passes)}, one participation each`] as [string, string]]),
  ];
}

/** The figure that was asked for, for people: an upper bound, so rounded up; an approximation to the nearest. */
export function boundText({ bound, asked }: Pick<Answer, 'bound' | 'asked'>): string {
  return asked === 'epsilon' ? epsilonText(bound) : deltaText(bound);
}

export function epsilonText(bound: EpsilonBound): string {
  const at = `at δ = ${deltaUp(bound.delta)}`;
  return bound.epsilon === Number.POSITIVE_INFINITY
    ? `ε = ∞ ${at}: not private`
    : `ε ${figure(bound, bound.epsilon)} ${at}`;
}

export function deltaText(bound: EpsilonBound): string {
  return `δ ${figure(bound, bound.delta)} at ε = ${roundedUp(bound.epsilon, 6)}`;
}

/** A δ that an ε is stated at: never below the one that it holds at. */
export function deltaUp(delta: number): string {
  return compact(roundedUp(delta, 4));
}

/** `≤ 2.597`, or `≈ 1.23` of what is no bound. */
export function figure({ direction }: Pick<EpsilonBound, 'direction'>, value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '= ∞';
  return direction === 'upper' ? `≤ ${compact(roundedUp(value, 4))}` : `≈ ${short(value)}`;
}

function compact(text: string): string {
  const value = Number(text);
  return value !== 0 && value < 1e-3 ? value.toExponential() : text;
}

/** A positive number to so many digits, never below it. */
export function roundedUp(value: number, digits: number): string {
  if (value === 0) return '0';
  const nearest = Number(value.toPrecision(digits));
  if (nearest >= value) return String(nearest);
  return String(Number((nearest + 10 ** (Math.floor(Math.log10(value)) + 1 - digits)).toPrecision(digits)));
}

/** A positive number to so many digits, never above it: for lower bounds. */
export function roundedDown(value: number, digits: number): string {
  if (value === 0) return '0';
  const nearest = Number(value.toPrecision(digits));
  if (nearest <= value) return String(nearest);
  return String(Number((nearest - 10 ** (Math.floor(Math.log10(value)) + 1 - digits)).toPrecision(digits)));
}

/** Four significant digits, to the nearest: for what is not a bound. */
export function short(value: number): string {
  if (value === 0) return '0';
  const nearest = Number(value.toPrecision(4));
  return nearest >= 1000 ? grouped(nearest) : nearest < 1e-3 ? nearest.toExponential() : String(nearest);
}

export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}
