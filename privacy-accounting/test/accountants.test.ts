import { GdpAccountant, RdpAccountant } from 'privacy-accounting';
import { describeAccountant } from './accountant-contract.js';

describeAccountant('RdpAccountant', (relation) => new RdpAccountant({ relation }));
describeAccountant(
  'RdpAccountant with its own orders',
  (relation) => new RdpAccountant({ relation, orders: [1.5, 4, 20, 64] }),
);
describeAccountant('GdpAccountant', (relation) => new GdpAccountant({ relation }));
