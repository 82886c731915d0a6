import {
  type AccountingOptions,
  deltaCurveOf,
  membershipAdvantage,
  type NeighboringRelation,
  posteriorCeiling,
  tradeOffOfAccountant,
} from 'privacy-accounting';
import { type Answer, roundedUp, short } from './answer.js';
import { accountantWith } from './curves.js';
import type { Extra } from './extras.js';
import { badInput } from './failure.js';
import { facts, painter, textWidth, wrap } from './terminal.js';

/** False-positive rates at which attacks are compared. */
export const USUAL_RATES = [0.001, 0.01, 0.1] as const;

const DEFAULT_PRIOR = 0.01;
const DEFAULT_EXCEPTION = 1e-3;

const BETWEEN: Readonly<Record<NeighboringRelation, string>> = {
  'add-or-remove-one': 'whether one example was used',
  'replace-one': 'which of two examples was used',
  'replace-special': 'whether one example was used or blanked out',
};

/** What no attacker can exceed, whatever they know besides the one example: from the whole curve of (ε, δ). */
export function ceilings(
  { event, bound }: Answer,
  flags: { readonly prior?: number; readonly exception?: number },
  options: AccountingOptions,
): Extra {
  if (bound.direction !== 'upper') {
    throw badInput(
      `--ceilings follow from bounds, and ${bound.accountant} gives none. Take --accountant best.`,
    );
  }
  const { prior = DEFAULT_PRIOR, exception = DEFAULT_EXCEPTION } = flags;
  const known = accountantWith(bound.accountant, event, options);
  const curve = deltaCurveOf(known);
  const tradeOff = tradeOffOfAccountant(known);
  const rates = USUAL_RATES.map((falsePositiveRate) => ({
    falsePositiveRate,
    truePositiveRate: tradeOff.truePositiveRate(falsePositiveRate),
  }));
  const advantage = membershipAdvantage(tradeOff).value;
  const { posterior } = posteriorCeiling(curve, { prior, exception });
  const { accountant, relation } = curve;
  return {
    json: {
      ceilings: {
        direction: 'upper',
        relation,
        accountant,
        truePositiveRates: rates,
        membershipAdvantage: advantage,
        posterior: { prior, posterior, exception },
      },
    },
    print(terminal) {
      const width = textWidth(terminal.stdout);
      const rows = [
        ...rates.map(
          ({ falsePositiveRate, truePositiveRate }) =>
            [
              `found at ${percent(falsePositiveRate)} false alarms`,
              `at most ${percentUp(truePositiveRate)}`,
            ] as const,
        ),
        ['advantage', `at most ${percentUp(advantage)} more found than false alarms, at any rate`] as const,
        [
          `sure of it: ${percent(prior)}`,
          `at most ${percentUp(posterior)} afterwards, except with probability ${percent(exception)}`,
        ] as const,
      ];
      const about = `For every attacker who asks ${BETWEEN[relation]}, even knowing every other one (by ${accountant}):`;
      terminal.stdout.write(
        `\n${painter(terminal)('Ceilings on attacks', 'bold')}\n${wrap(about, width)}\n${facts(rows, width)}\n`,
      );
    },
  };
}

/** A share as it was asked for. */
export function percent(share: number): string {
  return `${short(Number((share * 100).toPrecision(12)))} %`;
}

/** A share that is a ceiling: rounded up, never above 100 %. */
export function percentUp(share: number): string {
  return share >= 1 ? '100 %' : `${Math.min(100, Number(roundedUp(share * 100, 3)))} %`;
}
