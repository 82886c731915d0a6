import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ceilingPercent,
  dateText,
  decimal,
  deltaText,
  duration,
  epsilonText,
  percent,
  percentInterval,
  rate,
} from './format.js';

const spaces = (text: string) => text.replaceAll('\u00a0', ' ').replaceAll('\u2060', '');

describe('bounds are printed on their safe side', () => {
  it('percentages', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 4 }),
        (value, digits) => {
          expect(Number.parseFloat(percent(value, 'up', digits)) / 100).toBeGreaterThanOrEqual(value - 1e-10);
          expect(Number.parseFloat(percent(value, 'down', digits)) / 100).toBeLessThanOrEqual(value + 1e-10);
        },
      ),
    );
  });

  it('ε', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-4, max: 1000, noNaN: true }), (epsilon) => {
        const up = Number(epsilonText(epsilon, 'up'));
        const down = Number(epsilonText(epsilon, 'down'));
        expect(up).toBeGreaterThanOrEqual(epsilon - 1e-9);
        expect(down).toBeLessThanOrEqual(epsilon + 1e-9);
        expect(up / epsilon).toBeLessThan(1.011);
      }),
    );
  });

  it('a ceiling below 1 never reads 100 %', () => {
    expect(spaces(ceilingPercent(0.99967))).toBe('99.97 %');
    expect(spaces(ceilingPercent(0.2004))).toBe('20.1 %');
    expect(spaces(ceilingPercent(1))).toBe('100 %');
  });

  it('intervals grow', () => {
    expect(spaces(percentInterval({ lower: 0.0199, upper: 0.0201 }))).toBe('1.9–2.1 %');
  });

  it('numbers that need no rounding are not pushed off by it', () => {
    expect(spaces(percent(0.29, 'up', 0))).toBe('29 %');
    expect(spaces(percent(0.29, 'down', 0))).toBe('29 %');
    expect(epsilonText(3)).toBe('3.00');
    expect(decimal(0.5, 'up')).toBe('0.50');
  });
});

describe('names of numbers', () => {
  it.each([
    [1e-5, '10⁻⁵'],
    [1e-12, '10⁻¹²'],
    [2.5e-6, '0.0000025'],
    [0, '0'],
  ])('δ = %s', (delta, text) => expect(deltaText(delta)).toBe(text));

  it.each([
    [Number.POSITIVE_INFINITY, '∞'],
    [0, '0'],
    [0.03412, '0.0342'],
    [2.9931, '3.00'],
    [12.31, '12.4'],
    [412.3, '413'],
  ])('ε = %s', (epsilon, text) => expect(epsilonText(epsilon)).toBe(text));

  it.each([
    [0.001, '0.1 %'],
    [0.0125, '1.25 %'],
    [0.07, '7 %'],
  ])('rate %s', (value, text) => expect(spaces(rate(value))).toBe(text));

  it.each([
    [3.21, '3.2 s'],
    [41.4, '41 s'],
    [59.97, '1 min 0 s'],
    [75, '1 min 15 s'],
    [3725, '1 h 2 min'],
  ])('%s seconds', (seconds, text) => expect(spaces(duration(seconds))).toBe(text));

  it('dates, and what is no date', () => {
    expect(dateText('2026-03-02T09:42:00.000Z')).toBe('2 March 2026, 09:42 UTC');
    expect(dateText('yesterday')).toBe('yesterday');
  });
});
