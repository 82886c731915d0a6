import { requireNumber, requireRecord } from '../arguments.js';

/** Parameters of {@link treeNoRestartSquare}. */
export interface TreeNoRestartOptions {
  /** How many leaves the one tree has. */
  readonly totalSteps: number;
  /** k ≥ 1: in how many steps one record takes part at most. */
  readonly maxParticipations: number;
  /** b ≥ 1: steps of the same record are at least so far apart (1: they may follow each other). */
  readonly minSeparation: number;
}

/** Work beyond about this many additions (a second) is not done: the bound level by level needs none. */
const MAX_WORK = 1e8;
/** What a pair of blocks and a list cost beside their entries. */
const OVERHEAD = 32;

/**
 * What `count` participations in a block of 2^l leaves are worth at least (`value`, the sum of squared numbers of them
 * in the nodes of the block), and what it takes: `reach`[s] is by how many leaves they block what follows, if the
 * first s leaves are blocked themselves (each participation blocks itself and the next b − 1 leaves). ∞: there is no
 * room.
 */
interface Frontier {
  readonly count: number;
  readonly value: number;
  readonly reach: Float64Array;
}

/**
 * The squared L2 sensitivity, in units of one contribution, of tree aggregation over all steps without restart: the
 * largest Σ over complete nodes of (number of participations below it)², over all patterns. Exact, by dynamic
 * programming over blocks of 2^l leaves; where that would take longer than about a second, an upper bound, a few per
 * cent above: a node of level l sees at most min(k, ⌈2^l/b⌉), so that a level is worth at most k times that.
 *
 * Source: Kairouz et al. 2021 (arXiv:2103.00039), App. D.2 (DP-FTRL-NoTreeRestart).
 *
 * @example
 * treeNoRestartSquare({ totalSteps: 16, maxParticipations: 1, minSeparation: 1 }); // 5
 */
export function treeNoRestartSquare(options: TreeNoRestartOptions): number {
  requireRecord(options, 'options', 'an object { totalSteps, maxParticipations, minSeparation }');
  const whole = (x: number) => Number.isSafeInteger(x) && x >= 1;
  const expected = 'a whole number, 1 or larger';
  const steps = requireNumber(options.totalSteps, 'totalSteps', expected, whole);
  const separation = requireNumber(options.minSeparation, 'minSeparation', expected, whole);
  const most = Math.min(
    requireNumber(options.maxParticipations, 'maxParticipations', expected, whole),
    Math.ceil(steps / separation),
  );
  return exactSquare(steps, most, separation) ?? levelBound(steps, most, separation);
}

/** Σ over levels of k·min(k, ⌈2^l/b⌉). */
function levelBound(steps: number, most: number, separation: number): number {
  let bound = 0;
  for (let size = 1; size <= steps; size *= 2) bound += most * Math.min(most, Math.ceil(size / separation));
  return bound;
}

function exactSquare(steps: number, most: number, separation: number): number | undefined {
  let work = 0;
  const spend = (amount: number) => {
    work += amount;
    return work <= MAX_WORK;
  };
  // Blocks of a power of two, largest first, make up the tree; what joins them is no complete node, and is not released.
  const largest = 2 ** Math.floor(Math.log2(steps) + 1e-12);
  let block = leaf(separation);
  let total: readonly Frontier[] | undefined;
  const sizes = new Map<number, readonly Frontier[]>([[1, block]]);
  for (let size = 2; size <= largest; size *= 2) {
    const joined = join(block, block, most, separation, true, spend);
    if (joined === undefined) return undefined;
    block = joined;
    sizes.set(size, block);
  }
  for (let size = largest, rest = steps; size >= 1; size /= 2) {
    if (rest < size) continue;
    rest -= size;
    const next = sizes.get(size)!;
    total = total === undefined ? next : join(total, next, most, separation, false, spend);
    if (total === undefined) return undefined;
  }
  return (total ?? []).reduce(
    (best, { value, reach }) => (Number.isFinite(reach[0]!) ? Math.max(best, value) : best),
    0,
  );
}

/** One leaf: no participation, or one where it is not blocked. */
function leaf(separation: number): readonly Frontier[] {
  const none = Float64Array.from({ length: separation }, (_, blocked) => Math.max(0, blocked - 1));
  const one = new Float64Array(separation).fill(Number.POSITIVE_INFINITY);
  one[0] = separation - 1;
  return [
    { count: 0, value: 0, reach: none },
    { count: 1, value: 1, reach: one },
  ];
}

/** Two neighbouring blocks as one; `node`: their parent is released. Undefined when it is too much work. */
function join(
  left: readonly Frontier[],
  right: readonly Frontier[],
  most: number,
  separation: number,
  node: boolean,
  spend: (work: number) => boolean,
): readonly Frontier[] | undefined {
  const candidates = new Map<number, Map<number, Float64Array>>();
  for (const first of left) {
    for (const second of right) {
      const count = first.count + second.count;
      if (count > most) continue;
      if (!spend(separation + OVERHEAD)) return undefined;
      const value = first.value + second.value + (node ? count * count : 0);
      let values = candidates.get(count);
      if (values === undefined) {
        values = new Map();
        candidates.set(count, values);
      }
      let reach = values.get(value);
      if (reach === undefined) {
        if (!spend(separation + 4 * OVERHEAD)) return undefined;
        reach = new Float64Array(separation).fill(Number.POSITIVE_INFINITY);
        values.set(value, reach);
      }
      for (let blocked = 0; blocked < separation; blocked++) {
        const between = first.reach[blocked]!;
        if (between === Number.POSITIVE_INFINITY) continue;
        const after = second.reach[between]!;
        if (after < reach[blocked]!) reach[blocked] = after;
      }
    }
  }
  const joined: Frontier[] = [];
  for (const [count, values] of candidates) {
    // From the most valuable on; what is worth less stays only where it takes up less room.
    const cheapest = new Float64Array(separation).fill(Number.POSITIVE_INFINITY);
    for (const [value, reach] of [...values].sort(([a], [b]) => b - a)) {
      let useful = false;
      for (let blocked = 0; blocked < separation; blocked++) {
        if (reach[blocked]! < cheapest[blocked]!) {
          cheapest[blocked] = reach[blocked]!;
          useful = true;
        }
      }
      if (useful) joined.push({ count, value, reach });
    }
  }
  return joined;
}
