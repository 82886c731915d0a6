import { invalidArgument, requireNumber, requireRecord } from '../arguments.js';
import type { MechanismCount } from '../events/mechanisms/mechanism.js';
import { mechanismCurve } from '../rdp/mechanism-curve.js';

/** A Rényi order and its share of the proof: weights are positive and sum to at most 1. */
export interface WeightedOrder {
  readonly order: number;
  readonly weight: number;
}

/** Weighted orders as an argument: above 1, with positive weights that sum to at most 1. The proof needs no more. */
export function requireWeightedOrders(value: unknown, path: string): readonly WeightedOrder[] {
  if (!Array.isArray(value) || value.length === 0)
    throw invalidArgument(path, 'a list of { order, weight }', value);
  const orders = value.map((entry: unknown, j) => {
    const record = requireRecord(entry, `${path}[${j}]`, 'an object { order, weight }');
    return {
      order: requireNumber(record.order, `${path}[${j}].order`, 'a number above 1', (order) => order > 1),
      weight: requireNumber(
        record.weight,
        `${path}[${j}].weight`,
        'above 0 and at most 1',
        (w) => w > 0 && w <= 1,
      ),
    };
  });
  const total = orders.reduce((sum, { weight }) => sum + weight, 0);
  if (total > 1) throw invalidArgument(path, 'weights that sum to at most 1', total);
  return orders;
}

/** What the planned order gets; the others share the rest. It costs 0.22/(α − 1) of ε. */
const PLANNED_SHARE = 0.8;

/** Orders that are kept in reserve, for what was not planned. */
const RESERVE: readonly number[] = [1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256];

/** Orders among which the planned one is searched: 1.05 … 16,384, whole from 8 on. */
const CANDIDATES: readonly number[] = [
  ...Array.from({ length: 60 }, (_, j) => 1 + 0.05 * 1.09 ** j).filter((order) => order < 8),
  ...[...new Set(Array.from({ length: 160 }, (_, j) => Math.round(8 * 1.05 ** j)))].filter(
    (order) => order <= 16_384,
  ),
];

/** Rounding down, so that the weights of a mixture never sum to more than 1. */
const DOWN = 1 - 1e-12;

/** Every reserve order with the same weight: for when nothing is known beforehand. */
export function evenOrders(): readonly WeightedOrder[] {
  return RESERVE.map((order) => ({ order, weight: DOWN / RESERVE.length }));
}

/** The order that `worth` likes best, at four fifths, and the reserve. */
export function plannedOrders(worth: (order: number) => number): readonly WeightedOrder[] {
  let best = CANDIDATES[0]!;
  let most = Number.NEGATIVE_INFINITY;
  for (const order of CANDIDATES) {
    const value = worth(order);
    if (value > most) [most, best] = [value, order];
  }
  const others = RESERVE.filter((order) => order !== best);
  const planned = { order: best, weight: PLANNED_SHARE * DOWN };
  return [
    planned,
    ...others.map((order) => ({ order, weight: ((1 - PLANNED_SHARE) * DOWN) / others.length })),
  ].sort((a, b) => a.order - b.order);
}

/** Σ count·RDP(α) at each order, rounded up; the same for every order and grouping of the same mechanisms. */
export function divergencesOf(
  mechanisms: readonly MechanismCount[],
  orders: readonly WeightedOrder[],
): readonly number[] {
  const curves = mechanisms.map(({ mechanism, count }) => ({
    curve: mechanismCurve(mechanism, { dataDependent: false }).curve,
    count,
  }));
  const slack = 1 + (mechanisms.length + 2) * Number.EPSILON;
  return orders.map(
    ({ order }) => curves.reduce((sum, { curve, count }) => sum + count * curve(order), 0) * slack,
  );
}

/** Σ of the mechanisms' own δ, rounded up: a union bound, which holds for adaptive choices too. */
export function ownDeltaOf(mechanisms: readonly MechanismCount[]): number {
  let sum = 0;
  for (const { mechanism, count } of mechanisms) {
    sum += count * mechanismCurve(mechanism, { dataDependent: false }).delta;
  }
  return sum * (1 + (mechanisms.length + 2) * Number.EPSILON);
}

/**
 * ln c_α, c_α = (1/α)(1 − 1/α)^{α−1}: the least c with (1 − e^{−x})⁺ ≤ c·e^{(α−1)x} for every x.
 * (Canonne, Kamath & Steinke 2020, arXiv:2004.00010, Prop. 12, is this inequality and Markov's.)
 */
export function logTouching(order: number): number {
  return (order - 1) * Math.log1p(-1 / order) - Math.log(order);
}

/** ln Σ wⱼ·exp(xⱼ) and a bound on the error of the exponents that made it. */
export function logMixture(orders: readonly WeightedOrder[], exponents: readonly number[]): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const exponent of exponents) largest = Math.max(largest, exponent);
  if (!Number.isFinite(largest)) return largest;
  let sum = 0;
  for (const [j, { weight }] of orders.entries()) sum += weight * Math.exp(exponents[j]! - largest);
  return largest + Math.log(sum);
}
