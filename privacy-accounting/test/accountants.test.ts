import {
  ApproximateAccountant,
  CertifiedPldAccountant,
  GdpAccountant,
  PldAccountant,
  PureAccountant,
  RdpAccountant,
  ZcdpAccountant,
} from 'privacy-accounting';
import { describeAccountant } from './accountant-contract.js';

describeAccountant('RdpAccountant', (relation) => new RdpAccountant({ relation }));
describeAccountant(
  'RdpAccountant with its own orders',
  (relation) => new RdpAccountant({ relation, orders: [1.5, 4, 20, 64] }),
);
describeAccountant('GdpAccountant', (relation) => new GdpAccountant({ relation }));
describeAccountant('ZcdpAccountant', (relation) => new ZcdpAccountant({ relation }));
describeAccountant('PureAccountant', (relation) => new PureAccountant({ relation }));
describeAccountant('ApproximateAccountant', (relation) => new ApproximateAccountant({ relation }));

// The grid is chosen anew for each question: answers are monotone to its error.
const grid = { slack: 3e-5, upToEpsilon: 100, fromDelta: 1e-14, runs: 4 };
describeAccountant('PldAccountant', (relation) => new PldAccountant({ relation }), grid);
describeAccountant('CertifiedPldAccountant', (relation) => new CertifiedPldAccountant({ relation }), grid);
