import type { NeighboringRelation } from '../../relation.js';
import type { DpEvent } from '../dp-event.js';
import { type LeafEvent, readLeaf } from './leaf-mechanisms.js';
import type { MechanismCount } from './mechanism.js';
import { multiplyCounts, Unreadable } from './unreadable.js';

/** Single releases that do not say by themselves which records take part. */
type BatchLeaf = Exclude<LeafEvent, { readonly type: 'mixtureOfGaussians' | 'gnMax' }>;

/** Keyed by type, so that the compiler finds a missing one. */
const BATCH_LEAVES: Readonly<Record<BatchLeaf['type'], true>> = {
  gaussian: true,
  laplace: true,
  discreteGaussian: true,
  discreteLaplace: true,
  vectorDiscreteGaussian: true,
  adaptiveClip: true,
  randomizedResponse: true,
  exponentialMechanism: true,
  reportNoisyMax: true,
  epsilonDelta: true,
  zCDP: true,
};

function isBatchLeaf(event: DpEvent): event is BatchLeaf {
  return Object.hasOwn(BATCH_LEAVES, event.type);
}

/** What is released of one sample, one batch or the data set itself: each mechanism by itself, unsampled. */
export interface BatchReading {
  readonly parts: readonly MechanismCount[];
  /** Why nothing is private about it, if so. */
  readonly notPrivate: string | undefined;
}

/**
 * Reads `event`, a single release or a composition of such, under `relation`. Throws Unreadable, with the path, at what
 * says by itself which records take part: it can't be inside a sample or a pass.
 */
export function readBatch(event: DpEvent, path: string, relation: NeighboringRelation): BatchReading {
  const parts: MechanismCount[] = [];
  let notPrivate: string | undefined;
  const add = (part: DpEvent, at: string, count: number): void => {
    switch (part.type) {
      case 'noOp':
        break;
      case 'nonPrivate':
        if (count > 0) notPrivate ??= part.reason ?? 'no reason given';
        break;
      case 'unsupported':
        throw new Unreadable(
          `${at}: ${part.reason}. No event describes it; state it as one that does, or as nonPrivate.`,
        );
      case 'composed':
        part.events.forEach((inner, i) => {
          add(inner, `${at}.events[${i}]`, count);
        });
        break;
      case 'selfComposed':
        add(part.event, `${at}.event`, multiplyCounts(count, part.count, at));
        break;
      default: {
        if (!isBatchLeaf(part)) {
          throw new Unreadable(
            `${at}: ${part.type} inside a sample or a pass is not supported; only single releases and their ` +
              'compositions are. Put the composition outside the sampling.',
          );
        }
        const leaf = readLeaf(part, at, relation);
        if (count === 0) break;
        if ('notPrivate' in leaf) notPrivate ??= leaf.notPrivate;
        else for (const mechanism of leaf.mechanisms) parts.push({ mechanism, count });
      }
    }
  };
  add(event, path, 1);
  return { parts, notPrivate };
}
