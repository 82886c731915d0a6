import type * as tfl from '@tensorflow/tfjs-layers';

type Layer = tfl.layers.Layer;

/** Fewer values in a group than this lose too much when they are normalised by each other. */
const ENOUGH = 16;
/** Fewer values in all than this are left alone: of three, two numbers of freedom go. */
const FEWEST = 4;
/** As in Opacus, and in Wu and He 2018. */
const MOST_GROUPS = 32;

/**
 * The largest divisor of gcd(32, channels) that leaves 16 values to a group, 1 where none does, and undefined where
 * normalising would leave almost nothing. `positions` counts the values of one channel in one example.
 */
export function groupsFor(channels: number, positions: number): number | undefined {
  if (channels * positions < FEWEST) return undefined;
  for (let groups = MOST_GROUPS; groups > 1; groups /= 2) {
    if (channels % groups === 0 && (channels / groups) * positions >= ENOUGH) return groups;
  }
  return 1;
}

/** Channels of a batch normalisation that has been built. */
export function channelsOf(layer: Layer): number {
  return layer.weights[0]?.shape[0] as number;
}

/**
 * How many values one channel has in one example, as small as it gets over all uses of the layer; axes of open extent
 * count as enough. A wrapper over time hands its layer one step at a time.
 */
export function positionsOf(layer: Layer, axis: number, wrapper: Layer | undefined): number {
  const shapes = (wrapper ?? layer).inboundNodes.flatMap(
    ({ inputShapes }) => (Array.isArray(inputShapes[0]) ? inputShapes : [inputShapes]) as tfl.Shape[],
  );
  const counts = shapes.map((shape) => {
    const own = wrapper === undefined ? shape : [shape[0] as number, ...shape.slice(2)];
    const channel = axis < 0 ? axis + own.length : axis;
    return own.reduce<number>(
      (count, extent, k) => (k === 0 || k === channel ? count : count * (extent ?? ENOUGH)),
      1,
    );
  });
  return counts.length === 0 ? 1 : Math.min(...counts);
}
