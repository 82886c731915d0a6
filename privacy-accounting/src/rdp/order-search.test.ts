import { describe, expect, it } from 'vitest';
import { searchAll, searchGrid } from './order-search.js';
import { DEFAULT_ORDERS, FINE_ORDER_COUNT, fineOrder, LARGEST_SEARCHED_ORDER } from './orders.js';

describe('searchAll', () => {
  it.each(DEFAULT_ORDERS)('hits a valley with a sharp bottom at the default order %d', (bottom) => {
    const { order, value, edge } = searchAll(Number.POSITIVE_INFINITY, (x) => 1 + Math.abs(x - bottom), 0);
    expect([order, value, edge]).toEqual([bottom, 1, undefined]);
  });

  it.each([0, 1, 5000, FINE_ORDER_COUNT - 2, FINE_ORDER_COUNT - 1])(
    'finds fine order %d, and knows the ends',
    (i) => {
      const bottom = fineOrder(i);
      const found = searchAll(Number.POSITIVE_INFINITY, (x) => 1 + Math.abs(Math.log(x / bottom)), 0);
      expect(found.order).toBe(bottom);
      expect(found.edge).toBe(i === 0 ? 'lower' : bottom === LARGEST_SEARCHED_ORDER ? 'upper' : undefined);
    },
  );

  it('takes some thirty evaluations', () => {
    let calls = 0;
    const value = (x: number) => {
      calls++;
      return 1 + (x - 7) ** 2;
    };
    searchAll(Number.POSITIVE_INFINITY, value, 0);
    expect(calls).toBeLessThan(40);
  });

  it('is not misled by orders without a finite bound', () => {
    const value = (x: number) => (x > 3.3 ? Number.POSITIVE_INFINITY : 10 - x);
    expect(searchAll(Number.POSITIVE_INFINITY, value, 0).order).toBeCloseTo(3.3, 2);
    expect(searchAll(Number.POSITIVE_INFINITY, () => Number.POSITIVE_INFINITY, 0).value).toBe(
      Number.POSITIVE_INFINITY,
    );
  });

  it('prefers the smallest order where that is best, and stops there at the floor', () => {
    expect(searchAll(0.5, () => 1, 0)).toMatchObject({ value: 0.5, order: 1.01, edge: 'lower' });
    expect(searchAll(0, () => expect.unreachable() as never, 0)).toEqual({
      value: 0,
      order: 1.01,
      edge: undefined,
    });
  });
});

it('searchGrid takes the first of the best orders', () => {
  expect(searchGrid([2, 3, 4], () => 1, 0)).toEqual({ value: 1, order: 2, edge: 'lower' });
  expect(searchGrid([2, 3, 4], (x) => Math.abs(x - 3) + 1, 0)).toEqual({
    value: 1,
    order: 3,
    edge: undefined,
  });
  expect(searchGrid([2, 3, 4], (x) => (x > 2 ? 0 : 1), 0)).toEqual({ value: 0, order: 3, edge: undefined });
});
