import {
  type AccountantName,
  type AccountingOptions,
  ApproximateAccountant,
  CertifiedPldAccountant,
  CltAccountant,
  type DeltaCurve,
  type DpEvent,
  deltaCurveOf,
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

const POINTS = 40;
/** Below, a whole curve that is made at once has only absolute accuracy, and single questions are worth their cost. */
const TAIL = 1e-5;

/** δ at values of ε from 0 to `end`, ascending. */
export function deltasUpTo(
  accountant: PrivacyAccountant,
  end: number,
): readonly (readonly [epsilon: number, delta: number])[] {
  const asked = Array.from({ length: POINTS + 1 }, (_, j) => (end * j) / POINTS);
  const curve = accountant.getDelta(0).direction === 'upper' ? deltaCurveOf(accountant) : undefined;
  return asked.map((epsilon) => {
    const known = curve === undefined ? 0 : deltaBelow(curve, epsilon);
    return [epsilon, known > TAIL ? known : accountant.getDelta(epsilon).delta];
  });
}

/** δ at the last point of a curve that is not above ε: no smaller than the truth. */
function deltaBelow({ epsilons, deltas }: DeltaCurve, epsilon: number): number {
  let low = 0;
  let high = epsilons.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (epsilons[middle]! <= epsilon) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? 1 : deltas[low - 1]!;
}
