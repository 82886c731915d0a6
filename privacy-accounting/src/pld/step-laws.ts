import { RecentlyUsed } from '../math/recently-used.js';
import { connectTheDots } from './connect-the-dots.js';
import type { DominatingPair } from './dominating-pair.js';
import type { Direction } from './grid-choice.js';
import { cellsOf, type NormalisedTilt } from './loss-cells.js';
import { mergeTheDots } from './merge-the-dots.js';
import { TiltedLaw } from './tilted-law.js';

/** How the laws of one step are wanted. */
export interface StepLawOptions {
  readonly interval: number;
  readonly certified: boolean;
  readonly keys: readonly Direction[];
  readonly tilts: NormalisedTilt;
}

/** The laws of one step in the directions that were asked for, in their order. */
export interface StepLaws {
  readonly upper: readonly TiltedLaw[];
  /** Only where a certified answer was asked for. */
  readonly lower: readonly TiltedLaw[];
}

/** A training loop asks after every step: the same laws, another count. Few, since a law keeps its transform, too. */
const kept = new RecentlyUsed<string, StepLaws>(6);

/** One step of a pair, put on a grid and tilted. */
export function stepLaws(pair: DominatingPair, options: StepLawOptions): StepLaws {
  const { interval, certified, keys, tilts } = options;
  const tilted = keys.map((direction) => [direction, tilts.tilt[direction], tilts.logMoment[direction]]);
  const key = JSON.stringify([pair.key, interval, certified, tilted, tilts.share]);
  return kept.get(key, () => discretise(pair, options));
}

function discretise(pair: DominatingPair, { interval, certified, keys, tilts }: StepLawOptions): StepLaws {
  const { tilt, logMoment } = tilts;
  const cells = cellsOf(pair, { interval, halves: certified, tilts });
  const tilted = (discretised: (direction: Direction) => ConstructorParameters<typeof TiltedLaw>[0]) =>
    keys.map((key) => new TiltedLaw(discretised(key), tilt[key], logMoment[key]));
  return {
    upper: tilted((direction) => connectTheDots(pair, cells, interval, direction)),
    lower: certified
      ? tilted((direction) => mergeTheDots(pair, cells, { interval, direction, tilt: tilt[direction] }))
      : [],
  };
}
