import { type AccountingOptions, jsonNumber, remaining } from 'privacy-accounting';
import { type Answer, epsilonText, grouped, roundedUp } from './answer.js';
import type { Extra } from './extras.js';
import { badInput } from './failure.js';
import { repeated } from './repeated.js';
import { painter, textWidth, wrap } from './terminal.js';

/** Whether an answer keeps to a budget, and, if asked, how many more steps do. */
export function spending(
  answer: Answer,
  budget: { readonly epsilon: number; readonly remaining: boolean },
  options: AccountingOptions,
): Extra {
  const { bound, event } = answer;
  const { epsilon } = budget;
  const { delta } = bound;
  if (bound.direction !== 'upper') {
    throw badInput(
      `--budget-epsilon is kept by bounds, and ${bound.accountant} gives none. Take --accountant best.`,
    );
  }
  const met = bound.epsilon <= epsilon;
  const { unit, step } = repeated(answer);
  const left = budget.remaining
    ? remaining({ ...options, spent: event, next: step, budget: { epsilon, delta } })
    : undefined;
  return {
    met,
    json: {
      budget: {
        epsilon,
        delta,
        met,
        remaining:
          left === undefined
            ? null
            : {
                unit,
                count: jsonNumber(left.count),
                epsilon: jsonNumber(left.bound.epsilon),
                oneMore: left.oneMore === undefined ? null : jsonNumber(left.oneMore),
              },
      },
    },
    print(terminal) {
      const verdict = met
        ? `Within the budget of ε = ${epsilon}.`
        : `The budget of ε = ${epsilon} is exceeded.`;
      const lines = [verdict];
      if (left !== undefined) {
        const { count, oneMore } = left;
        const more = oneMore === undefined ? '' : ` One more would make it ε ≤ ${roundedUp(oneMore, 4)}.`;
        if (count === Number.POSITIVE_INFINITY)
          lines.push(`Any number of ${unit} is left: they cost nothing.`);
        else if (count === 0) lines.push(`No more ${unit} are left.${more}`);
        else
          lines.push(
            `${grouped(count)} more ${unit} are left, after which ${epsilonText(left.bound)}.${more}`,
          );
      }
      const text = wrap(lines.join(' '), textWidth(terminal.stdout));
      terminal.stdout.write(`\n${met ? text : painter(terminal)(text, 'red')}\n`);
    },
  };
}
