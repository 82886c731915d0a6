import { describe, expect, it } from 'vitest';
import { EDGES, HEIGHTS, LAYER_AREA, LAYERS, TAIL_START } from './ziggurat-tables.js';

/** ∫_R^∞ exp(−x²/2) dx by Simpson's rule; the cut at R + 10 leaves 1e-40. */
function tailArea(): number {
  const steps = 20_000;
  const width = 10 / steps;
  let sum = 0;
  for (let i = 0; i <= steps; i++) {
    const x = TAIL_START + i * width;
    const weight = i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2;
    sum += weight * Math.exp(-0.5 * x * x);
  }
  return (sum * width) / 3;
}

describe('the ziggurat', () => {
  it('descends from the tail to 0 and climbs from f(R) to 1', () => {
    expect(EDGES[1]).toBe(TAIL_START);
    expect(EDGES[LAYERS]).toBe(0);
    expect(HEIGHTS[LAYERS]).toBe(1);
    for (let i = 1; i <= LAYERS; i++) {
      expect(EDGES[i]!).toBeLessThan(EDGES[i - 1]!);
      expect(HEIGHTS[i]!).toBeGreaterThan(HEIGHTS[i - 1]!);
    }
  });

  it('has layers of equal area, the base with its tail and the topmost layer included', () => {
    for (let i = 1; i < LAYERS; i++) {
      const area = EDGES[i]! * (HEIGHTS[i + 1]! - HEIGHTS[i]!);
      expect(Math.abs(area / LAYER_AREA - 1), `layer ${i}`).toBeLessThan(1e-13);
    }
    const base = TAIL_START * HEIGHTS[1]! + tailArea();
    expect(Math.abs(base / LAYER_AREA - 1)).toBeLessThan(1e-13);
    expect(Math.abs((EDGES[0]! * HEIGHTS[1]!) / LAYER_AREA - 1)).toBeLessThan(1e-15);
  });

  it('covers the half-normal: the areas exceed √(π/2) by what is rejected, 0.67 %', () => {
    const rejected = 1 - Math.sqrt(Math.PI / 2) / (LAYERS * LAYER_AREA);
    expect(rejected).toBeGreaterThan(0.0066);
    expect(rejected).toBeLessThan(0.0067);
  });
});
