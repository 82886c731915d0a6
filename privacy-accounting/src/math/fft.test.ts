import { describe, expect, it } from 'vitest';
import { forwardTransform, inverseTransform, transformRounding } from './fft.js';

describe('Fourier transforms', () => {
  it('agree with the direct sum to the stated rounding', () => {
    for (const size of [4, 8, 64, 512]) {
      const data = Float64Array.from({ length: 2 * size }, (_, i) => Math.sin(i * i + 1) / (1 + (i % 7)));
      let total = 0;
      for (let j = 0; j < size; j++) total += Math.hypot(data[2 * j]!, data[2 * j + 1]!);
      const out = forwardTransform(data);
      for (let k = 0; k < size; k++) {
        let re = 0;
        let im = 0;
        for (let j = 0; j < size; j++) {
          const angle = (-2 * Math.PI * ((j * k) % size)) / size;
          re += data[2 * j]! * Math.cos(angle) - data[2 * j + 1]! * Math.sin(angle);
          im += data[2 * j]! * Math.sin(angle) + data[2 * j + 1]! * Math.cos(angle);
        }
        // The direct sum itself rounds, too.
        const allowed = (transformRounding(size) + size * 2 ** -53) * total;
        expect(Math.hypot(out[2 * k]! - re, out[2 * k + 1]! - im)).toBeLessThan(allowed);
      }
    }
  });

  it('undo each other at large sizes, within twice the stated rounding', () => {
    const size = 2 ** 16;
    const data = Float64Array.from({ length: 2 * size }, (_, i) => Math.cos(i * 1.7));
    let total = 0;
    for (let j = 0; j < size; j++) total += Math.hypot(data[2 * j]!, data[2 * j + 1]!);
    const back = inverseTransform(forwardTransform(data));
    let worst = 0;
    for (let i = 0; i < back.length; i++) worst = Math.max(worst, Math.abs(back[i]! - data[i]!));
    expect(worst).toBeLessThan(2 * transformRounding(size) * total);
  });

  it('need a power of two', () => {
    expect(() => forwardTransform(new Float64Array(6))).toThrow(/power of two/);
  });
});
