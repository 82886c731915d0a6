import {
  type AccountantName,
  type AccountantRow,
  type AccountingOptions,
  compareAccountants,
} from 'privacy-accounting';
import { advised } from './advice.js';
import { type Answer, boundJson, deltaUp, directionOf, figure, roundedDown } from './answer.js';
import { columns } from './columns.js';
import type { Extra } from './extras.js';
import { badInput } from './failure.js';
import { painter, textWidth } from './terminal.js';

/** ε by several accountants, side by side: the figure or why there is none, on which side of the truth, why to trust it. */
export function comparison(
  { event, bound, asked }: Answer,
  accountants: readonly AccountantName[],
  { relation, contributions }: AccountingOptions,
): Extra {
  if (asked !== 'epsilon') throw badInput('--compare sets bounds on ε side by side: give --delta with it.');
  const { delta } = bound;
  const rows = compareAccountants(event, {
    ...{ relation, delta, accountants },
    ...(contributions === undefined ? {} : { contributions }),
  }).map(({ reason, ...row }) => ({
    ...row,
    ...(reason === undefined
      ? {}
      : { reason: bound.direction === 'upper' ? advised(reason, bound.accountant) : reason }),
  }));
  return {
    json: {
      comparison: rows.map(({ accountant, direction, trust, tightest, bound: upper, lower, reason }) => ({
        accountant,
        direction,
        tightest,
        trust,
        bound: upper === undefined ? null : boundJson(upper),
        lower: lower === undefined ? null : boundJson(lower),
        reason: reason ?? null,
      })),
    },
    print(terminal) {
      const head = ['accountant', 'ε', 'error', 'why to trust it, or why it has none'];
      const table = columns([head, ...rows.map(cells)], textWidth(terminal.stdout));
      terminal.stdout.write(
        `\n${painter(terminal)(`Side by side, at δ = ${deltaUp(delta)}`, 'bold')}\n${table}\n`,
      );
    },
  };
}

function cells({
  accountant,
  direction,
  trust,
  tightest,
  bound,
  lower,
  reason,
}: AccountantRow): readonly string[] {
  if (bound === undefined) return [accountant, 'none', '–', reason!];
  const isBounded = bound.epsilon < Number.POSITIVE_INFINITY;
  const enclosed =
    lower === undefined || !isBounded ? '' : ` The truth is at least ${roundedDown(lower.epsilon, 4)}.`;
  const isLeast = tightest && isBounded;
  return [
    `${accountant}${isLeast ? ' *' : ''}`,
    figure(bound, bound.epsilon),
    direction === 'approximation' ? 'no bound' : directionOf({ direction }),
    `${isLeast ? '* Smallest. ' : ''}${trust}${enclosed}`,
  ];
}
