import { median } from '../step/step-times.js';
import type { QuestionRow } from './figures.js';
import { ASKED } from './questions.js';

const WARM_UP_ROUNDS = 10;
/** A question that takes longer needs fewer rounds to warm up. */
const SLOW_MILLISECONDS = 500;
const MINIMUM_ROUNDS = 5;
const MAXIMUM_ROUNDS = 100;

/** Asks one question over and over in this process: warm-up, then rounds until `seconds` are over. */
export function measureQuestion(question: string, seconds: number): QuestionRow {
  const ask = ASKED[question];
  if (ask === undefined) {
    throw new Error(`expected a question among ${Object.keys(ASKED).join(', ')}, got ${question}`);
  }
  let asked = 0;
  let answer = {};
  const once = () => {
    globalThis.gc?.();
    const from = performance.now();
    answer = ask(asked);
    asked += 1;
    return performance.now() - from;
  };
  for (let i = 0; i < WARM_UP_ROUNDS; i++) {
    if (once() > SLOW_MILLISECONDS) break;
  }
  const samples: number[] = [];
  const end = performance.now() + 1000 * seconds;
  while (samples.length < MINIMUM_ROUNDS || (samples.length < MAXIMUM_ROUNDS && performance.now() < end)) {
    samples.push(once());
  }
  const timing = { minimum: Math.min(...samples), median: median(samples), rounds: samples.length };
  return { question, timing, answer };
}
