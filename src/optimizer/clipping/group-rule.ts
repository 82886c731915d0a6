import { DpError } from 'privacy-accounting';
import { refuseUnknownKeys } from '../option-keys.js';

/** Which variables a group holds, and how it is bounded; exactly one of each. */
export interface GroupRule {
  /** A regular expression over the variables' names. */
  readonly match?: { readonly source: string; readonly flags: string };
  /** How the variables' names begin. */
  readonly prefix?: string;
  /** The variables' names. */
  readonly names?: readonly string[];
  /** C_g > 0. */
  readonly l2NormClip?: number;
  /** In proportion to what C_g is; > 0. */
  readonly share?: number;
}

const invalid = (expected: string, got: unknown) =>
  new DpError('DP_INVALID_ARGUMENT', `Expected clipping groups ${expected}, got ${String(got)}.`);

/** Frozen, serialisable rules; throws `DP_INVALID_ARGUMENT` naming what is wrong. */
export function requireGroupRules(value: unknown): readonly GroupRule[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw invalid('to be a list such as [{ prefix, share }]', Array.isArray(value) ? 'an empty one' : value);
  }
  const rules = value.map((entry: unknown, k) => requireRule(entry, k));
  if (new Set(rules.map((rule) => rule.share === undefined)).size > 1) {
    throw invalid('all bounded by l2NormClip or all by share', 'both');
  }
  return Object.freeze(rules);
}

function requireRule(entry: unknown, k: number): GroupRule {
  if (typeof entry !== 'object' || entry === null) {
    throw invalid('to be objects', `${String(entry)} as group ${k}`);
  }
  refuseUnknownKeys('a clipping group', entry, {
    match: true,
    prefix: true,
    names: true,
    l2NormClip: true,
    share: true,
  });
  const given = entry as { readonly [key in keyof GroupRule]: unknown };
  const count = (keys: readonly (keyof GroupRule)[]) => keys.filter((key) => given[key] !== undefined).length;
  if (count(['match', 'prefix', 'names']) !== 1)
    throw invalid('with one of match, prefix and names', describe(entry));
  if (count(['l2NormClip', 'share']) !== 1)
    throw invalid('with one of l2NormClip and share', describe(entry));
  const bound = given.l2NormClip ?? given.share;
  if (typeof bound !== 'number' || !(bound > 0 && Number.isFinite(bound))) {
    throw invalid('with a finite l2NormClip or share > 0', describe(entry));
  }
  const members = membersOf(given);
  return Object.freeze({
    ...members,
    ...(given.share === undefined ? { l2NormClip: bound } : { share: bound }),
  });
}

function membersOf(
  given: {
    readonly [key in keyof GroupRule]: unknown;
  },
): Pick<GroupRule, 'match' | 'prefix' | 'names'> {
  const { match, prefix, names } = given;
  if (match !== undefined) {
    const { source, flags } = match as { source?: unknown; flags?: unknown };
    if (typeof source !== 'string' || typeof flags !== 'string')
      throw invalid('with match a regular expression', match);
    if (/[gy]/.test(flags))
      throw invalid('with match free of the flags g and y, which remember', `/${flags}`);
    try {
      new RegExp(source, flags);
    } catch {
      throw invalid('with match a regular expression', `/${source}/${flags}`);
    }
    return { match: Object.freeze({ source, flags }) };
  }
  if (prefix !== undefined) {
    if (typeof prefix !== 'string' || prefix === '') throw invalid('with prefix a text', prefix);
    return { prefix };
  }
  if (!Array.isArray(names) || names.length === 0 || names.some((name) => typeof name !== 'string')) {
    throw invalid('with names a list of texts', names);
  }
  return { names: Object.freeze([...(names as string[])]) };
}

/** Whether a variable's name is one of the group's. */
export function matches(rule: GroupRule, name: string): boolean {
  if (rule.match !== undefined) return new RegExp(rule.match.source, rule.match.flags).test(name);
  if (rule.prefix !== undefined) return name.startsWith(rule.prefix);
  return rule.names?.includes(name) === true;
}

/** A rule's members in words. */
export function describeRule(rule: GroupRule): string {
  if (rule.match !== undefined) return `match: /${rule.match.source}/${rule.match.flags}`;
  return rule.prefix === undefined ? `names: ${rule.names?.join(', ')}` : `prefix: '${rule.prefix}'`;
}

const describe = (entry: unknown): string => JSON.stringify(entry);
