import type { PrivacyAccountant } from '../accountant.js';
import type { AccountantName, BoundDirection } from '../bound.js';
import type { AccountantOptions } from '../composing-accountant.js';
import { ApproximateAccountant, PureAccountant } from '../composition/index.js';
import { CltAccountant } from '../gdp/clt-accountant.js';
import { GdpAccountant } from '../gdp/index.js';
import { CertifiedPldAccountant, PldAccountant } from '../pld/index.js';
import { RdpAccountant } from '../rdp/index.js';
import { ZcdpAccountant } from '../zcdp/index.js';

/** What is known about an accountant before it is asked. */
export interface AccountantEntry {
  readonly make: (options: AccountantOptions) => PrivacyAccountant;
  /** No accountant can state less about an event that this one supports. */
  readonly exact: boolean;
  /** `instant`: formulas, a millisecond or so. `grid`: a distribution on a grid and its FFTs, tens of milliseconds. */
  readonly cost: 'instant' | 'grid';
  /** On which side of the truth its figures are. */
  readonly direction: BoundDirection;
  /** Why to believe it, and what it loses, in one sentence. */
  readonly trust: string;
}

/** Every accountant there is: exact ones first, then bounds from tight to loose, approximations last. */
export const ACCOUNTANTS: Readonly<Record<AccountantName, AccountantEntry>> = {
  gdp: {
    make: (options) => new GdpAccountant(options),
    exact: true,
    cost: 'instant',
    direction: 'upper',
    trust:
      'Exact: Gaussians compose into one Gaussian, whose trade-off curve has a closed form (Dong, Roth & Su 2022).',
  },
  pld: {
    make: (options) => new PldAccountant(options),
    exact: false,
    cost: 'grid',
    direction: 'upper',
    trust:
      'An upper bound by the whole law of the privacy loss, rounded up on a fine grid: of DP-SGD within 6e-4 of the truth, relatively, and usually 3e-5 (Koskela et al. 2020; Doroshenko et al. 2022).',
  },
  'certified-pld': {
    make: (options) => new CertifiedPldAccountant(options),
    exact: false,
    cost: 'grid',
    direction: 'upper',
    trust:
      'An upper bound as pld’s, with a lower bound beside it: every error of the grid, of truncation and of float64 is between them.',
  },
  rdp: {
    make: (options) => new RdpAccountant(options),
    exact: false,
    cost: 'instant',
    direction: 'upper',
    trust:
      'An upper bound by Rényi divergences, which are exact here; their conversion to ε loses some 5 to 20 percent (Mironov 2017; Canonne, Kamath & Steinke 2020).',
  },
  zcdp: {
    make: (options) => new ZcdpAccountant(options),
    exact: false,
    cost: 'instant',
    direction: 'upper',
    trust:
      'An upper bound by one number ρ that adds up; as tight as rdp for Gaussian noise, looser for the rest (Bun & Steinke 2016).',
  },
  approximate: {
    make: (options) => new ApproximateAccountant(options),
    exact: false,
    cost: 'instant',
    direction: 'upper',
    trust:
      'An upper bound, the least that follows from the ε and δ of each mechanism alone (Kairouz, Oh & Viswanath 2015).',
  },
  pure: {
    make: (options) => new PureAccountant(options),
    exact: false,
    cost: 'instant',
    direction: 'upper',
    trust:
      'An upper bound by addition of the ε of each mechanism: the simplest proof there is, and the loosest figure (Dwork et al. 2006).',
  },
  clt: {
    make: (options) => new CltAccountant(options),
    exact: false,
    cost: 'instant',
    direction: 'approximation',
    trust:
      'No bound: the Gaussian limit of many small releases, which can be less than half of the true ε (Bu et al. 2020).',
  },
};

/** The accountants there are, exact ones first; `clt`, which gives no bounds, last. */
export const ACCOUNTANT_NAMES: readonly AccountantName[] = Object.freeze(
  Object.keys(ACCOUNTANTS) as AccountantName[],
);

/**
 * Whom `best` asks, in this order: formulas first, so that what is free is known before a grid is built. Approximations
 * are never asked.
 */
export const BEST_ORDER: readonly AccountantName[] = Object.freeze(
  ACCOUNTANT_NAMES.filter((name) => ACCOUNTANTS[name].direction === 'upper').sort(
    (a, b) => rank(ACCOUNTANTS[a]) - rank(ACCOUNTANTS[b]),
  ),
);

function rank({ exact, cost }: AccountantEntry): number {
  return exact ? 0 : cost === 'instant' ? 1 : 2;
}
