import { invalidArgument, requireCount, requireNumber, requireRecord } from '../arguments.js';

/** `count` (default 1) mechanisms, each (ε, δ)-differentially private: ε ∈ [0, ∞) in nats, δ ∈ [0, 1]. */
export interface PrivacyParameters {
  readonly epsilon: number;
  readonly delta: number;
  readonly count?: number;
}

/** {@link PrivacyParameters} that were checked: each (ε, δ) once, sorted, none that costs nothing. */
export interface ParameterGroup {
  readonly epsilon: number;
  readonly delta: number;
  readonly count: number;
}

/**
 * The list as a multiset: equal (ε, δ) counted together, sorted by (ε, δ), without those that are run no time or cost
 * nothing. Every order and grouping of the same mechanisms gives the same list.
 */
export function requireParameters(value: unknown, path = 'mechanisms'): readonly ParameterGroup[] {
  if (!Array.isArray(value)) throw invalidArgument(path, 'a list of { epsilon, delta, count }', value);
  const groups = new Map<string, ParameterGroup>();
  for (const [i, entry] of value.entries()) {
    const at = `${path}[${i}]`;
    const record = requireRecord(entry, at, 'an object { epsilon, delta, count }');
    const epsilon = requireNumber(
      record.epsilon,
      `${at}.epsilon`,
      'a finite number, 0 or larger',
      (e) => e >= 0,
    );
    const delta = requireNumber(record.delta, `${at}.delta`, 'a number from 0 to 1', (d) => d >= 0 && d <= 1);
    const count = record.count === undefined ? 1 : requireCount(record.count, `${at}.count`);
    if (count === 0 || (epsilon === 0 && delta === 0)) continue;
    const key = `${epsilon} ${delta}`;
    const total = requireCount((groups.get(key)?.count ?? 0) + count, 'the total count');
    groups.set(key, { epsilon, delta, count: total });
  }
  return [...groups.values()].sort((a, b) => a.epsilon - b.epsilon || a.delta - b.delta);
}

/**
 * 1 − Π (1 − δᵢ), rounded up: the δ that the mechanisms' own δs cost, whatever ε is. 1 as soon as one of them is.
 * Never above Σ δᵢ, the δ of basic composition (Kairouz, Oh & Viswanath 2015, arXiv:1311.0776, Thm 3.5).
 */
export function jointDelta(groups: readonly ParameterGroup[]): number {
  let log = 0;
  for (const { delta, count } of groups) log += count * Math.log1p(-delta);
  return Math.min(1, -Math.expm1(log) * (1 + (groups.length + 6) * Number.EPSILON));
}

/**
 * What is left of `delta` once the mechanisms' own δs are paid: the δ₀ with 1 − (1 − δ₀)·Π (1 − δᵢ) ≤ δ, rounded
 * down; undefined when nothing is left, not even 0.
 */
export function deltaLeft(delta: number, groups: readonly ParameterGroup[]): number | undefined {
  const spent = jointDelta(groups);
  if (spent === 0) return delta;
  if (spent >= delta) return spent > delta || spent === 1 ? undefined : 0;
  return ((delta - spent) / (1 - spent)) * (1 - 4 * Number.EPSILON);
}

/** 1 − (1 − δ₀)·Π (1 − δᵢ), rounded up: {@link deltaLeft}, the other way. */
export function deltaWith(delta: number, groups: readonly ParameterGroup[]): number {
  const spent = jointDelta(groups);
  return spent === 0
    ? Math.min(1, delta)
    : Math.min(1, (spent + (1 - spent) * delta) * (1 + 4 * Number.EPSILON));
}
