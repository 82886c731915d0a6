import {
  type AccountantName,
  type AccountingOptions,
  ApproximateAccountant,
  CertifiedPldAccountant,
  CltAccountant,
  type DpEvent,
  GdpAccountant,
  PldAccountant,
  type PrivacyAccountant,
  PureAccountant,
  RdpAccountant,
  ZcdpAccountant,
} from 'privacy-accounting';

type Options = Pick<AccountingOptions, 'relation' | 'contributions'>;

const MAKE: Readonly<Record<AccountantName, (options: Options) => PrivacyAccountant>> = {
  gdp: (options) => new GdpAccountant(options),
  pld: (options) => new PldAccountant(options),
  'certified-pld': (options) => new CertifiedPldAccountant(options),
  rdp: (options) => new RdpAccountant(options),
  zcdp: (options) => new ZcdpAccountant(options),
  approximate: (options) => new ApproximateAccountant(options),
  pure: (options) => new PureAccountant(options),
  clt: (options) => new CltAccountant(options),
};

/** The accountant of a name with one event composed, for several questions about it. */
export function accountantWith(
  name: AccountantName,
  event: DpEvent,
  { relation, contributions }: AccountingOptions,
): PrivacyAccountant {
  return MAKE[name]({ relation, ...(contributions === undefined ? {} : { contributions }) }).compose(event);
}

/** A power of two, so that half of the end is asked about exactly. */
const POINTS = 32;

/**
 * δ at values of ε from 0 to `end`, ascending; where it falls below `least`, one more point about there. Each is asked
 * for by itself: a whole curve made at once has only absolute accuracy, which a logarithmic scale shows.
 */
export function deltasUpTo(
  accountant: PrivacyAccountant,
  end: number,
  least: number,
): readonly (readonly [epsilon: number, delta: number])[] {
  const points: (readonly [epsilon: number, delta: number])[] = [];
  // What holds at a smaller ε holds at a larger one.
  const at = (epsilon: number) => Math.min(points.at(-1)?.[1] ?? 1, accountant.getDelta(epsilon).delta);
  for (let j = 0; j <= POINTS; j++) {
    const epsilon = (end * j) / POINTS;
    const delta = at(epsilon);
    const previous = points.at(-1);
    if (delta < least) {
      if (previous === undefined)
        return [
          [0, least],
          [end, least],
        ];
      const share = Math.log(previous[1] / least) / Math.log(previous[1] / delta);
      const crossing = delta === 0 ? epsilon : previous[0] + share * (epsilon - previous[0]);
      return [...points, [crossing, Math.max(least, at(crossing))]];
    }
    points.push([epsilon, delta]);
  }
  return points;
}
