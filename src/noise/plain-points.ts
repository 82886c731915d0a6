import {
  BLOCK_POINTS,
  BLOCK_WORDS,
  HALF_STEP,
  LAYER_BITS,
  LOW_WORD_UNIT,
  SAFE_BELOW,
  UNITS,
  type ZigguratPoints,
} from './ziggurat-points.js';
import { LAYERS } from './ziggurat-tables.js';

/** {@link ZigguratPoints} in JavaScript: 3 ns a point in Node. Where {@link vectorPoints} are not to be had. */
export function plainPoints(): ZigguratPoints {
  return new PlainPoints();
}

// What the hot loop reads is a constant of this very module, neither imported nor exported, nor a field: V8 folds
// those. The loop takes twice as long without.
const layerMask = LAYERS - 1;
const layerBits = LAYER_BITS;
const lowWordUnit = LOW_WORD_UNIT;
const halfStep = HALF_STEP;
const safeBelow = SAFE_BELOW;

/** Those of the last call, and the most that a call wrote since the last wipe. */
const unresolved = new Int32Array(BLOCK_POINTS);
let most = 0;

/** UNITS times the standard deviation of the last call: one multiplication less a sample. */
const scaledUnits = new Float64Array(LAYERS);
let scale = 0;

function scaleUnitsTo(standardDeviation: number): void {
  if (scale === standardDeviation) return;
  for (let i = 0; i < LAYERS; i++) scaledUnits[i] = UNITS[i]! * standardDeviation;
  scale = standardDeviation;
}

class PlainPoints implements ZigguratPoints {
  readonly words = new Uint32Array(BLOCK_WORDS);
  readonly signedWords = new Int32Array(this.words.buffer);
  readonly unresolved = unresolved;

  place(first: number, out: Float32Array, start: number, end: number, standardDeviation: number): number {
    scaleUnitsTo(standardDeviation);
    const count = placePoints(this.signedWords, first, out, start, end);
    most = Math.max(most, count);
    return count;
  }

  wipe(first: number, end: number): void {
    this.words.fill(0, first, end);
    unresolved.fill(0, 0, most);
    most = 0;
  }
}

/** A plain function over arrays: V8 takes a third less for it than for a method that resolves each point in place. */
function placePoints(
  block: Int32Array,
  first: number,
  out: Float32Array,
  start: number,
  end: number,
): number {
  let found = 0;
  let next = first;
  for (let i = start; i < end; i++) {
    const high = block[next]!;
    const low = block[next + 1]!;
    next += 2;
    const layer = high & layerMask;
    const fraction = (high >> layerBits) + (low * lowWordUnit + halfStep);
    if (Math.abs(fraction) < safeBelow[layer]!) out[i] = fraction * scaledUnits[layer]!;
    else unresolved[found++] = i - start;
  }
  return found;
}
