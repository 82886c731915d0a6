import {
  type AccountingOptions,
  DpError,
  deltaCurveOf,
  gdpMuOf,
  jsonNumber,
  membershipAdvantage,
  type NeighboringRelation,
  poisonedProbability,
  posteriorCeiling,
  reconstructionSuccess,
  type TradeOffBound,
  tradeOffOfAccountant,
} from 'privacy-accounting';
import { type Answer, grouped, roundedUp, short } from './answer.js';
import { accountantWith } from './curves.js';
import type { Extra, ExtraFlags } from './extras.js';
import { badInput } from './failure.js';
import { facts, painter, textWidth, wrap } from './terminal.js';

/** False-positive rates at which attacks are compared. */
export const USUAL_RATES = [0.001, 0.01, 0.1] as const;

const DEFAULT_PRIOR = 0.01;
const DEFAULT_EXCEPTION = 1e-3;
/** The probability of an outcome that poisoned records are asked to make likelier. */
const POISONED_RATE = 0.01;

const BETWEEN: Readonly<Record<NeighboringRelation, string>> = {
  'add-or-remove-one': 'whether one example was used',
  'replace-one': 'which of two examples was used',
  'replace-special': 'whether one example was used or blanked out',
};

/** What no attacker can exceed, whatever they know besides the one example: from the whole curve of (ε, δ). */
export function ceilings(
  { event, bound }: Answer,
  flags: Pick<ExtraFlags, 'prior' | 'exception' | 'baseline' | 'poisoned'>,
  options: AccountingOptions,
): Extra {
  if (bound.direction !== 'upper') {
    throw badInput(
      `--ceilings follow from bounds, and ${bound.accountant} gives none. Take --accountant best.`,
    );
  }
  const { prior = DEFAULT_PRIOR, exception = DEFAULT_EXCEPTION, baseline, poisoned } = flags;
  const known = accountantWith(bound.accountant, event, options);
  const curve = deltaCurveOf(known);
  const tradeOff = tradeOffOfAccountant(known);
  const rates = USUAL_RATES.map((falsePositiveRate) => ({
    falsePositiveRate,
    truePositiveRate: tradeOff.truePositiveRate(falsePositiveRate),
  }));
  const advantage = membershipAdvantage(tradeOff).value;
  const { posterior } = posteriorCeiling(curve, { prior, exception });
  const rebuilt = baseline === undefined ? undefined : reconstructionSuccess(tradeOff, { baseline }).value;
  const changed = poisoned === undefined ? undefined : poisonedRate(tradeOff, poisoned);
  const mu = gdpMuOf(tradeOff, { minimumFalsePositiveRate: USUAL_RATES[0] });
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
        gaussianMu: { mu: jsonNumber(mu), minimumFalsePositiveRate: USUAL_RATES[0] },
        reconstruction: rebuilt === undefined ? null : { baseline, success: rebuilt },
        poisoning:
          changed === undefined ? null : { records: poisoned, before: POISONED_RATE, after: changed },
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
        ...(rebuilt === undefined
          ? []
          : [
              [
                `guessed: ${percent(baseline!)}`,
                `at most ${percentUp(rebuilt)} rebuilt, of a record or an attribute`,
              ] as const,
            ]),
        ...(changed === undefined
          ? []
          : [
              [
                `${grouped(poisoned!)} poisoned`,
                `what had a probability of ${percent(POISONED_RATE)} has at most ${percentUp(changed)}`,
              ] as const,
            ]),
        ...(mu === Number.POSITIVE_INFINITY
          ? []
          : [
              [
                'as Gaussian noise',
                `μ = ${roundedUp(mu, 4)} is as bad, from ${percent(USUAL_RATES[0])} false alarms on`,
              ] as const,
            ]),
      ];
      const about = `For every attacker who asks ${BETWEEN[relation]}, even knowing every other one (by ${accountant}):`;
      terminal.stdout.write(
        `\n${painter(terminal)('Ceilings on attacks', 'bold')}\n${wrap(about, width)}\n${facts(rows, width)}\n`,
      );
    },
  };
}

/** What {@link POISONED_RATE} can become. More records than the library counts are refused by its name for them. */
function poisonedRate(tradeOff: TradeOffBound, records: number): number {
  try {
    return poisonedProbability(tradeOff, { records, probability: POISONED_RATE }).value;
  } catch (error) {
    if (!(error instanceof DpError)) throw error;
    throw new DpError(error.code, error.message.replace('records', '--poisoned'), { cause: error });
  }
}

/** A share as it was asked for. */
export function percent(share: number): string {
  return `${short(Number((share * 100).toPrecision(12)))} %`;
}

/** A share that is a ceiling: rounded up, never above 100 %. */
export function percentUp(share: number): string {
  return share >= 1 ? '100 %' : `${Math.min(100, Number(roundedUp(share * 100, 3)))} %`;
}
