import { coarsen } from './coarsen.js';
import type { DominatingPair } from './dominating-pair.js';
import type { Direction, Grid, GridProblem, Questions } from './grid-choice.js';
import { type PlannedWindow, SaddlePoint } from './saddle-point.js';
import { stepLaws } from './step-laws.js';
import { composeTilted, type TiltedPart } from './tilted-composition.js';
import { WindowCurve } from './window-curve.js';

/** δ(ε) of one direction near one question, from above and, if it was asked for, from below. */
export interface DirectionWindow {
  /** On a coarse grid, to find out where to look. */
  readonly pilot: boolean;
  readonly upper: WindowCurve;
  readonly lower: WindowCurve | undefined;
}

type Side = 'upper' | 'lower';

/** Nats of the window of a question about most of the tilted mass. */
const ORDINARY_NATS = 16;
/** How small a part of the tilted mass cells resolve, at the most: a finer cut would take longer than all the rest. */
const LEAST_SHARE = 1e-5;
const LEAST_SHARE_WHOLE = 1e-18;

/** Composes the directions `keys` on one grid, each with its own tilt. */
export function composeWindows(
  problem: GridProblem,
  grid: Grid,
  keys: readonly Direction[],
  asked: Questions,
): Partial<Record<Direction, DirectionWindow>> {
  const { parts, saddle, certified } = problem;
  const { interval, size, pilot, blocks } = grid;
  const tilt = { remove: asked.remove.theta, add: asked.add.theta };
  const windows = keys.map((key) => saddle.window(key, asked[key]));
  const guesses = keys.map((key) => saddle.logMoments(key, tilt[key]));
  const whole = keys.some((key) => tilt[key] === 0);
  const nats = Math.max(...keys.map((key) => asked[key].nats));
  const lawsOf = (pair: DominatingPair, part: number, h: number, nats: number) => {
    // Untilted, the far tail of one step decides about what lies beyond the window of all.
    const share = whole
      ? LEAST_SHARE_WHOLE
      : Math.min(1, Math.max(LEAST_SHARE, 8 ** Math.floor((ORDINARY_NATS - nats) / Math.log(8))));
    // A direction that is not asked for needs no fine cells.
    const logMoment = { remove: Number.POSITIVE_INFINITY, add: Number.POSITIVE_INFINITY };
    keys.forEach((key, d) => {
      logMoment[key] = guesses[d]![part]!;
    });
    return stepLaws(pair, { interval: h, certified, keys, tilts: { tilt, logMoment, share } });
  };
  const directions = (
    planned: readonly PlannedWindow[],
    h: number,
    partsOf: (d: number) => readonly TiltedPart[],
  ) =>
    keys.map((key, d) => ({
      parts: partsOf(d),
      theta: tilt[key],
      start: Math.floor(planned[d]!.from / h),
      chernoff: planned[d]!.chernoff,
    }));
  const units = parts.map(({ pair, count }, i) => {
    const block = blocks?.steps[i] ?? 0;
    const rest = block > 0 ? count % block : count;
    const coarse = rest > 0 ? lawsOf(pair, i, interval, nats) : undefined;
    const single = (side: Side) => coarse?.[side].map((tilted) => ({ tilted, count: rest }));
    if (blocks === undefined || block === 0) return (side: Side) => [single(side)!];
    const h = interval / blocks.ratio;
    const fine = lawsOf(pair, i, h, blocks.nats);
    const ofBlock = new SaddlePoint([{ pair, count: block }]);
    const planned = keys.map((key) => ofBlock.holding(key, tilt[key], blocks.nats));
    return (side: Side) => {
      const steps = fine[side];
      const composed = composeTilted(
        directions(planned, h, (d) => [{ tilted: steps[d]!, count: block }]),
        blocks.sizes[i]!,
      );
      const laws = composed.map((window) => ({
        tilted: coarsen(window, blocks.ratio, side),
        count: Math.floor(count / block),
      }));
      // The grid of blocks is too coarse to bound a step from below; fewer steps lose less.
      const left = side === 'upper' ? single(side) : undefined;
      return left === undefined ? [laws] : [laws, left];
    };
  });
  const compose = (side: Side) => {
    const laws = units.flatMap((unit) => unit(side));
    const composed = composeTilted(
      directions(windows, interval, (d) => laws.map((law) => law[d]!)),
      size,
    );
    return composed.map((window) => new WindowCurve(window));
  };
  const upper = compose('upper');
  const lower = certified ? compose('lower') : undefined;
  return Object.fromEntries(keys.map((key, d) => [key, { pilot, upper: upper[d]!, lower: lower?.[d] }]));
}
