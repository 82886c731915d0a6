/*
 * Golden values: exact answers of accounting questions, and how a computed answer is held against one.
 *
 * Each case states a `check`, because published answers are of different worth: some are exact (`approx`), some are
 * upper bounds that a better accountant may undercut but never below the truth (`between_truth_and_expected`), and
 * some peers' answers are known to be wrong, and are kept for information in keys that contain `_peer`.
 */

/** `"inf"` and `"-inf"` stand for the infinities, which JSON does not have. */
export type GoldenNumber = number | 'inf' | '-inf';

export interface GoldenCase {
  readonly id: string;
  readonly family: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Lists and objects of numbers, too, where a case asks for several at once. */
  readonly expected: Readonly<Record<string, unknown>>;
  readonly check: string;
  readonly tol: { readonly rel?: number; readonly abs?: number };
  readonly truth?: Readonly<Record<string, unknown>>;
}

/** A case's computed answers, by the keys of `expected`: numbers, or lists and objects of them as there. */
export type Answers = Readonly<Record<string, unknown>>;

/** Lists and objects taken apart: `{ epsilon: [1, 2] }` as `epsilon.0` and `epsilon.1`. */
function flat(values: Readonly<Record<string, unknown>>, prefix = ''): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [key, value] of Object.entries(values)) {
    if (typeof value !== 'object' || value === null) found.set(prefix + key, value);
    else {
      const inner = flat(value as Record<string, unknown>, `${prefix}${key}.`);
      for (const [name, each] of inner) found.set(name, each);
    }
  }
  return found;
}

export function toNumber(value: unknown, what: string): number {
  if (typeof value === 'number' && !Number.isNaN(value)) return value;
  if (value === 'inf') return Number.POSITIVE_INFINITY;
  if (value === '-inf') return Number.NEGATIVE_INFINITY;
  throw new TypeError(`${what} must be a number or "inf", got ${JSON.stringify(value)}`);
}

/** Peers' answers and optimal orders are for information. */
function isAsserted(key: string): boolean {
  return !/_peer($|_|\.)/.test(key) && !key.includes('optimal_order');
}

/** The complaints about `got`, one sentence each; none when the case passes. */
export function complaints(golden: GoldenCase, got: Answers): string[] {
  const { check, tol, truth } = golden;
  const expected = flat(golden.expected);
  const answers = flat(got);
  const asserted = [...expected.keys()].filter(isAsserted);
  const want = (key: string) => toNumber(expected.get(key), `expected.${key}`);
  // Only an infinity equals an infinity.
  const slack = (x: number) => (Number.isFinite(x) ? (tol.abs ?? 0) + (tol.rel ?? 0) * Math.abs(x) : 0);
  const found: string[] = [];
  const require = (key: string, holds: (value: number) => boolean, wanted: string) => {
    const value = answers.get(key);
    if (typeof value !== 'number') found.push(`${key}: nothing computed, expected ${wanted}`);
    else if (!holds(value)) found.push(`${key}: got ${value}, expected ${wanted}`);
  };
  const atMost = (value: number, limit: number) => value <= limit + slack(limit);
  const near = (value: number, x: number) => value === x || Math.abs(value - x) <= slack(x);
  const exact = (quantity: string) => {
    if (truth === undefined) throw new TypeError(`${golden.id}: check ${check} needs a truth`);
    const value = toNumber(truth[quantity], `truth.${quantity}`);
    const relative = quantity === 'delta' ? truth.err_rel : undefined;
    const error =
      relative === undefined
        ? toNumber(truth.err ?? 0, 'truth.err')
        : toNumber(relative, 'truth.err_rel') * Math.abs(value);
    return { value, low: value - error, high: value + error };
  };

  switch (check) {
    case 'approx':
      for (const key of asserted) require(key, (value) => near(value, want(key)), `${want(key)}`);
      break;
    case 'between_truth_and_expected':
      for (const key of asserted) {
        const { low } = exact(key);
        require(key, (value) => value >= low && atMost(value, want(key)), `${low} … ${want(key)}`);
      }
      break;
    case 'at_least_truth_within_tol':
      for (const key of asserted) {
        const { value: true_, low } = exact(key);
        require(key, (value) => value >= low && atMost(value, true_), `${low} … ${true_ + slack(true_)}`);
      }
      break;
    case 'at_most':
      for (const key of asserted) {
        require(key, (value) => value > 0 && atMost(value, want(key)), `above 0, at most ${want(key)}`);
      }
      break;
    case 'at_most_min': {
      const limit = Math.min(...asserted.map(want));
      const quantity = asserted[0]?.split('_')[0] ?? 'epsilon';
      require(quantity, (value) => value > 0 && atMost(value, limit), `above 0, at most ${limit}`);
      break;
    }
    case 'at_least':
      for (const key of asserted) {
        require(key, (value) => value >= want(key) - slack(want(key)), `at least ${want(key)}`);
      }
      break;
    case 'lower_bound_at_least_expected_at_most_truth':
      for (const key of asserted) {
        const { high } = exact(key.replace(/_lower$/, ''));
        const holds = (value: number) => value >= want(key) - slack(want(key)) && value <= high;
        require(key, holds, `${want(key)} … ${high}`);
      }
      break;
    case 'bracket_contains_truth': {
      const quantity = asserted.find((key) => key.endsWith('_lower'))?.replace(/_lower$/, '') ?? 'epsilon';
      const [lower, upper] = [`${quantity}_lower`, `${quantity}_upper`];
      const { low, high } = exact(quantity);
      require(lower, (value) => value <= high, `at most ${high}`);
      require(upper, (value) => value >= low, `at least ${low}`);
      const width = Number(answers.get(upper)) - Number(answers.get(lower));
      const limit = want(upper) - want(lower);
      if (!(width <= limit + slack(limit)))
        found.push(`${quantity}: bracket ${width} wide, expected ${limit}`);
      break;
    }
    default:
      found.push(`unknown check "${check}"`);
  }
  if (asserted.length === 0) found.push('nothing is asserted');
  return found;
}
