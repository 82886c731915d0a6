import { type DpEvent, type EpsilonBound, jsonNumber, privacyStatement } from 'privacy-accounting';
import type { Plan } from './plan.js';
import { facts, painter, type Terminal, textWidth, wrap } from './terminal.js';

/** A bound with everything that it is a bound of. */
export interface Answer {
  readonly bound: EpsilonBound;
  readonly event: DpEvent;
  readonly plan?: Plan;
  readonly datasetSize?: number;
  /** Of a plan; absent for an event, which may hold several. */
  readonly noiseMultiplier?: number;
}

/** The statement of an answer, in plain language. */
function statementOf({ bound, event, datasetSize }: Answer): string {
  return privacyStatement(bound, { event, ...(datasetSize === undefined ? {} : { datasetSize }) });
}

/** The keys that every answer about ε has in JSON; ∞ is the string "inf", what does not apply is null. */
export function answerJson(answer: Answer): Record<string, unknown> {
  const { bound, event, plan } = answer;
  return {
    epsilon: jsonNumber(bound.epsilon),
    delta: bound.delta,
    relation: bound.relation,
    unit: bound.unit,
    direction: bound.direction,
    accountant: bound.accountant,
    order: bound.order ?? null,
    warning: bound.warning ?? null,
    plan: plan ?? null,
    events: event,
    statement: statementOf(answer),
  };
}

/** Prints an answer for people: the bound first, then what it is about, then what it means. */
export function printAnswer(answer: Answer, lead: string, terminal: Terminal): void {
  const { bound, plan, noiseMultiplier } = answer;
  const paint = painter(terminal);
  const width = textWidth(terminal.stdout);
  const by = `${bound.accountant}${bound.order === undefined ? '' : `, Rényi order ${Number(bound.order.toPrecision(4))}`}`;
  const rows: [string, string][] = [
    ['relation', `${bound.relation}, for each ${bound.unit}`],
    ...(bound.epsilon === Number.POSITIVE_INFINITY
      ? []
      : [['accountant', `${by} (${bound.direction} bound)`] as [string, string]]),
  ];
  if (plan !== undefined) rows.push(...planRows(plan));
  if (noiseMultiplier !== undefined) rows.push(['noise multiplier', roundedUp(noiseMultiplier, 6)]);
  terminal.stdout.write(
    `${paint(lead, 'bold')}\n\n${facts(rows, width)}\n\n${wrap(statementOf(answer), width)}\n`,
  );
}

function planRows(plan: Plan): [string, string][] {
  const { sampler, datasetSize, batchSize, steps, stepsFrom, epochs, samplingProbability, passes } = plan;
  const batches =
    sampler === 'poisson'
      ? `Poisson samples of ${grouped(batchSize)} on average, q = ${short(samplingProbability!)}`
      : `shuffled, ${grouped(batchSize)} each; no amplification`;
  const origin = stepsFrom === '--steps' ? `${short(epochs)} epochs` : `= ${stepsFrom}`;
  return [
    ['data set', `${grouped(datasetSize)} examples`],
    ['batches', batches],
    ['steps', `${grouped(steps)} (${origin})`],
    ...(passes === null
      ? []
      : [['passes', `${grouped(passes)}, one participation each`] as [string, string]]),
  ];
}

/** ε for people: an upper bound, so rounded up. */
export function epsilonText({ epsilon, delta }: EpsilonBound): string {
  const at = `at δ = ${short(delta)}`;
  return epsilon === Number.POSITIVE_INFINITY
    ? `ε = ∞ ${at}: not private`
    : `ε ≤ ${roundedUp(epsilon, 4)} ${at}`;
}

/** A positive number to so many digits, never below it. */
export function roundedUp(value: number, digits: number): string {
  const nearest = Number(value.toPrecision(digits));
  if (nearest >= value) return String(nearest);
  return String(Number((nearest + 10 ** (Math.floor(Math.log10(value)) + 1 - digits)).toPrecision(digits)));
}

/** Four significant digits, to the nearest: for what is not a bound. */
function short(value: number): string {
  const nearest = Number(value.toPrecision(4));
  return nearest >= 1000 ? grouped(nearest) : nearest < 1e-3 ? nearest.toExponential() : String(nearest);
}

function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}
