import { DpError } from '../errors.js';
import { type PairCount, type Question, SaddlePoint } from './saddle-point.js';

/** The direction of loss: P against Q, or Q against P. */
export type Direction = 'remove' | 'add';

/** The questions to both directions; only those that are named have to be answered. */
export type Questions = Readonly<Record<Direction, Question>>;

/** A composition in two stages: `block` steps at a time on a fine grid, and the blocks on one `ratio` times as coarse. */
export interface Blocks {
  /** Steps of a block, of each part; 0 where the part is not cut into blocks. */
  readonly steps: readonly number[];
  readonly ratio: number;
  /** Points of each part's window on the fine grid. */
  readonly sizes: readonly number[];
  /** Of the tilted mass of a block, e^{−nats} may be outside of its window. */
  readonly nats: number;
}

/** Where a composition is computed. */
export interface Grid {
  readonly interval: number;
  readonly size: number;
  /** On a coarse grid, to find out where to look. */
  readonly pilot: boolean;
  readonly warning?: string;
  readonly blocks?: Blocks;
}

/** What is composed, and how accurately. */
export interface GridProblem {
  readonly parts: readonly PairCount[];
  readonly saddle: SaddlePoint;
  readonly certified: boolean;
  /** The grid's interval, if it is not to be chosen. */
  readonly interval: number | undefined;
}

/** Points of a window: 2²⁰ take 100 MB and half a second, both directions, certified. */
const LEAST_SIZE = 2 ** 8;
const MOST_SIZE = 2 ** 20;
const PILOT_SIZE = 2 ** 13;
/** Sizes, and by what factor the error may be above the wanted one before a larger size is taken. */
const AFFORDABLE = [
  { points: 2 ** 16, loss: 2, rare: 2 },
  { points: 2 ** 17, loss: 20, rare: 5 },
  { points: 2 ** 18, loss: 200, rare: 15 },
  { points: 2 ** 19, loss: 1000, rare: 60 },
  { points: 2 ** 20, loss: Number.POSITIVE_INFINITY, rare: Number.POSITIVE_INFINITY },
] as const;
/** An error this much larger than the wanted one is worth a warning. */
const SEVERE = 100;
/** A window that wants more points is worth a second stage, if that has half as many in all. */
const ONE_STAGE = 1.5 * 2 ** 16;
const COARSE_SIZES = [2 ** 12, 2 ** 13, 2 ** 14, 2 ** 15, 2 ** 16, 2 ** 17];
const LEAST_BLOCK = 4;
const MOST_RATIO = 2 ** 12;
/** θ times a block's window beyond which float64's exponentials come near their end. */
const MOST_EXPONENT = 300;

/**
 * The grid. Splitting a cell of width h raises the variance of the tilted loss by at most h²/6 on average (or by
 * h·|L|, where the grid is coarser than the law), and its mean by half of that: K(θ) rises by
 * θ(1+θ)/2 · T·min(h²/6, h·E|L|), and ε by K's rise over θ. `tolerance` is the error of ε that is wanted.
 *
 * In one stage T steps need an interval ∝ T^{−1/2} over a window ∝ T^{1/2}. In two, each stage has half of the tolerance:
 * blocks of k steps have a window ∝ k^{1/2}, and T/k blocks an interval ∝ (T/k)^{−1/2}. So the cost hardly grows with T.
 */
export function chooseGrid(
  { parts, saddle, certified, interval: fixed }: GridProblem,
  keys: readonly Direction[],
  asked: Questions,
  tolerance: number,
): Grid {
  const width = Math.max(...keys.map((key) => saddle.window(key, asked[key]).width));
  const pilot = keys.some((key) => asked[key].pilot);
  // Rounded up, so that similar questions share the laws of a step.
  if (pilot)
    return { interval: 2 ** (Math.ceil(4 * Math.log2(width / PILOT_SIZE)) / 4), size: PILOT_SIZE, pilot };
  if (fixed !== undefined) return fixedGrid(fixed, width);
  const steps = parts.reduce((sum, { count }) => sum + count, 0);
  const smooth = (error: number, count: number) =>
    Math.min(...keys.map((key) => Math.sqrt((12 * error) / (count * (1 + asked[key].theta)))));
  const wanted = keys.map((key) => {
    const { theta } = asked[key];
    const coarse = (2 * tolerance) / ((1 + theta) * Math.max(saddle.spread(key, theta), 1e-300));
    // Merging needs a grid that is finer than the law.
    const typical = certified ? (0.15 * saddle.spread(key, 0)) / steps : Number.POSITIVE_INFINITY;
    return Math.min(Math.max(smooth(tolerance, steps), coarse), typical);
  });
  const interval = Math.min(...wanted, width / LEAST_SIZE);
  const lattice = latticeOf(parts);
  if (lattice !== undefined) {
    // A hair less, so that rounding leaves every loss on the far side of its grid point.
    const aligned = (lattice / Math.ceil(lattice / interval)) * (1 - 1e-9);
    const size = powerOfTwo(width / aligned);
    if (size <= MOST_SIZE) return { interval: aligned, size, pilot };
  }
  const isRare = keys.some((key) => asked[key].rare);
  if (width / interval > ONE_STAGE && !isRare) {
    const staged = twoStages({ parts, keys, asked, width, tolerance, smooth, interval });
    if (staged !== undefined) return staged;
  }
  // The error grows with the square of the interval. Beyond 2¹⁶ points accuracy is bought back step by step.
  const size = Math.min(powerOfTwo(width / interval), MOST_SIZE);
  const error = (points: number) => (width / points / interval) ** 2;
  const affordable = AFFORDABLE.find(
    ({ points, loss, rare }) => size <= points || error(points) <= (isRare ? rare : loss),
  );
  if (affordable === undefined) {
    throw new DpError(
      'DP_NUMERICAL',
      'Expected privacy losses that float64 resolves, got some beyond its range: the noise is too small, relative to ' +
        'the sensitivity. Use the gdp, rdp or pure accountant.',
    );
  }
  const points = Math.min(size, affordable.points);
  const grid = { interval: width / points, size: points, pilot };
  if (error(points) <= SEVERE) return grid;
  const warning =
    'The composition is too long for the accuracy that is usual here: the grid was coarsened. The bounds are ' +
    'valid, but not as tight.';
  return { ...grid, warning };
}

function fixedGrid(interval: number, width: number): Grid {
  const size = powerOfTwo(width / interval);
  if (size <= MOST_SIZE) return { interval, size, pilot: false };
  const factor = Math.ceil(width / interval / MOST_SIZE);
  const warning =
    `A grid of ${interval} nats is too fine for losses this large; ${factor} times as coarse a one was ` +
    'used. The bounds are valid, but not as tight.';
  return { interval: interval * factor, size: MOST_SIZE, warning, pilot: false };
}

interface StageProblem {
  readonly parts: readonly PairCount[];
  readonly keys: readonly Direction[];
  readonly asked: Questions;
  readonly width: number;
  readonly tolerance: number;
  /** The interval that gives an error, after so many steps. */
  readonly smooth: (error: number, count: number) => number;
  /** The interval that one stage would need. */
  readonly interval: number;
}

/** The two stages with the fewest points, or nothing where one stage has fewer. */
function twoStages(problem: StageProblem): Grid | undefined {
  const { parts, keys, asked, width, tolerance, smooth, interval: single } = problem;
  const steps = parts.reduce((sum, { count }) => sum + count, 0);
  const fine = smooth(tolerance / 2, steps);
  if (!(fine <= single)) return undefined;
  let best: Grid | undefined;
  let least = powerOfTwo(width / single) / 2;
  for (const size of COARSE_SIZES) {
    const coarse = width / size;
    const ratio = Math.ceil(coarse / fine);
    // h² ∝ 1/count: so many blocks fit into the other half of the tolerance.
    const units = (smooth(tolerance / 2, 1) / coarse) ** 2;
    const block = Math.ceil(steps / Math.max(units, 1));
    if (ratio < 2 || ratio > MOST_RATIO || block < LEAST_BLOCK || 2 * block > steps) continue;
    const blocks = parts.map(({ count }) => (count < 2 * block ? 0 : evenBlock(count, block)));
    const most = Math.log(Math.max(...parts.map(({ count }, i) => count / Math.max(1, blocks[i]!))));
    const nats = Math.max(...keys.map((key) => asked[key].nats)) + most + 3;
    const interval = coarse / ratio;
    const windows = parts.map(({ pair }, i) => {
      if (blocks[i] === 0) return 0;
      const saddle = new SaddlePoint([{ pair, count: blocks[i]! }]);
      return Math.max(
        ...keys.map((key) => {
          const { width: nats1 } = saddle.holding(key, asked[key].theta, nats);
          return asked[key].theta * nats1 < MOST_EXPONENT ? nats1 : Number.POSITIVE_INFINITY;
        }),
      );
    });
    const sizes = windows.map((nats1) => (nats1 > 0 ? powerOfTwo(nats1 / interval) : 0));
    const cost = size + sizes.reduce((sum, points) => sum + points, 0);
    if (!(cost <= least)) continue;
    least = cost;
    best = { interval: coarse, size, pilot: false, blocks: { steps: blocks, ratio, sizes, nats } };
  }
  return best;
}

/** The size of blocks, `least` or a little larger, that leaves the fewest steps over. */
function evenBlock(steps: number, least: number): number {
  let best = least;
  for (let block = least; block <= 1.3 * least && steps % best > 0; block++) {
    if (steps % block < steps % best) best = block;
  }
  return best;
}

function latticeOf(parts: readonly PairCount[]): number | undefined {
  const spacing = parts[0]?.pair.lattice;
  return parts.every(({ pair }) => pair.lattice === spacing) ? spacing : undefined;
}

function powerOfTwo(least: number): number {
  return Math.max(LEAST_SIZE, 2 ** Math.ceil(Math.log2(least)));
}
