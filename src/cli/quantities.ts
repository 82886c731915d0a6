import {
  type Evaluate,
  type Expression,
  ExpressionError,
  loadEvaluator,
  readExpression,
} from './expression.js';
import { badInput } from './failure.js';
import {
  FIELD_OF_NAME,
  FIELDS,
  type FieldName,
  fieldOf,
  flagOf,
  type Given,
  Pending,
  refused,
} from './fields.js';

/** Fields as they were given, and what bears on how one follows from others. */
export interface GivenFields extends Readonly<Partial<Record<FieldName, Given | readonly Given[]>>> {
  readonly sampler?: 'poisson' | 'shuffle';
}

/** An expression that was used, with its value. */
export interface Formula {
  readonly text: string;
  readonly value: number;
}

/** The formulas of a request, by the field that each gave a value to. */
export type Formulas = Readonly<Partial<Record<FieldName, Formula>>>;

/** The same fields as numbers. */
export type Resolved<F> = {
  readonly [K in keyof F]: Exclude<F[K], Pending> extends infer V
    ? V extends readonly (infer E)[]
      ? readonly Exclude<E, Pending>[]
      : V
    : never;
};

const NAMES: ReadonlySet<string> = new Set(FIELD_OF_NAME.keys());
const FIELD_NAMES = Object.keys(FIELDS) as FieldName[];

/**
 * Computes every field that was given as an expression, each from the others; mathjs is loaded only if there is one.
 * `unknown` is the field that calibration is to find: nothing may depend on it. `where` names a field in messages.
 *
 * When both of steps and epochs, or of batch size and sampling probability, are given and one is an expression of the
 * other, the expression is the answer and the other was only a name in it: it is left out.
 */
export async function resolveFields<F extends GivenFields>(
  fields: F,
  {
    unknown,
    where = {},
  }: { readonly unknown?: FieldName; readonly where?: Readonly<Record<string, string>> } = {},
): Promise<{ readonly fields: Resolved<F>; readonly formulas: Formulas }> {
  const pending = FIELD_NAMES.filter((name) =>
    [fields[name]].flat().some((value) => value instanceof Pending),
  );
  if (pending.length === 0) return { fields: fields as unknown as Resolved<F>, formulas: {} };
  const parsed = new Map<Pending, Expression>();
  for (const name of pending) {
    for (const value of [fields[name]].flat()) {
      if (value instanceof Pending) parsed.set(value, admitted(name, value, where));
    }
  }
  const quantities = new Quantities(fields, parsed, await loadEvaluator(), unknown, where);
  const resolved: Record<string, unknown> = Object.fromEntries(Object.entries(fields));
  const formulas: Partial<Record<FieldName, Formula>> = {};
  for (const name of pending) {
    const given = fields[name];
    const values = [given].flat().map((_, i) => quantities.given(name, i));
    resolved[name] = Array.isArray(given) ? values : values[0];
    const first = [given].flat().findIndex((value) => value instanceof Pending);
    formulas[name] = { text: ([given].flat()[first] as Pending).text, value: values[first]! };
  }
  for (const [name, other] of [
    ['steps', 'epochs'],
    ['epochs', 'steps'],
    ['samplingProbability', 'batchSize'],
    ['batchSize', 'samplingProbability'],
  ] as const) {
    if (quantities.uses(name, other)) delete resolved[other];
  }
  return { fields: resolved as unknown as Resolved<F>, formulas };
}

function admitted(name: FieldName, { text }: Pending, where: Readonly<Record<string, string>>): Expression {
  try {
    return readExpression(text, NAMES);
  } catch (error) {
    throw explained(error, name, text, where);
  }
}

function explained(
  error: unknown,
  name: FieldName,
  text: string,
  where: Readonly<Record<string, string>>,
): unknown {
  return error instanceof ExpressionError
    ? refused(name, where[name] ?? flagOf(name), text, error.message)
    : error;
}

/** The numbers of a plan, each computed when it is first asked for. */
class Quantities {
  readonly #fields: GivenFields;
  readonly #parsed: ReadonlyMap<Pending, Expression>;
  readonly #evaluate: Evaluate;
  readonly #unknown: FieldName | undefined;
  readonly #where: Readonly<Record<string, string>>;
  readonly #values = new Map<string, number>();
  /** Fields that are being computed, the outermost first. */
  readonly #open: { readonly name: FieldName; readonly derived: boolean }[] = [];

  constructor(
    fields: GivenFields,
    parsed: ReadonlyMap<Pending, Expression>,
    evaluate: Evaluate,
    unknown: FieldName | undefined,
    where: Readonly<Record<string, string>>,
  ) {
    this.#fields = fields;
    this.#parsed = parsed;
    this.#evaluate = evaluate;
    this.#unknown = unknown;
    this.#where = where;
  }

  /** Whether the expression of `name` needs `other`, directly or by way of others. */
  uses(name: FieldName, other: FieldName, seen = new Set<FieldName>()): boolean {
    if (this.#fields[other] === undefined || seen.has(name)) return false;
    seen.add(name);
    const value = [this.#fields[name]].flat()[0];
    const names = value instanceof Pending ? this.#parsed.get(value)!.names : [];
    return names
      .map((word) => FIELD_OF_NAME.get(word)!)
      .some((field) => field === other || this.uses(field, other, seen));
  }

  /** The i-th value that was given for a field. */
  given(name: FieldName, i = 0): number {
    const value = [this.#fields[name]].flat()[i]!;
    if (typeof value === 'number') return value;
    const known = this.#values.get(`${name} ${i}`);
    if (known !== undefined) return known;
    const cycle = this.#open.findIndex((open) => open.name === name && !open.derived);
    if (cycle >= 0) {
      const names = [...this.#open.slice(cycle).map((open) => open.name), name];
      throw badInput(
        `${this.#called(name)} is defined by itself: ${names.map(symbolOf).join(' → ')}. Give one of them as a number.`,
      );
    }
    this.#open.push({ name, derived: false });
    const computed = this.#compute(name, value);
    this.#open.pop();
    this.#values.set(`${name} ${i}`, computed);
    return computed;
  }

  #compute(name: FieldName, pending: Pending): number {
    const expression = this.#parsed.get(pending)!;
    const values = new Map(expression.names.map((word) => [word, this.#needed(word, name, pending)]));
    let value: number;
    try {
      value = this.#evaluate(expression, values);
    } catch (error) {
      throw explained(error, name, pending.text, this.#where);
    }
    const field = fieldOf(name);
    if (field.roundsUp && value > 0) value = Math.ceil(value);
    if (field.accepts(value)) return value;
    throw refused(name, this.#called(name), pending.text, `its value is ${value}`);
  }

  #needed(word: string, by: FieldName, { text }: Pending): number {
    const name = FIELD_OF_NAME.get(word)!;
    if (name === this.#unknown) {
      throw refused(by, this.#called(by), text, `${word} is what is to be found`);
    }
    const value = this.#fields[name] === undefined ? this.#derived(name) : this.given(name);
    if (value !== undefined) return value;
    throw refused(by, this.#called(by), text, `${word} is not known without ${flagOf(name)}`);
  }

  /** What follows from the fields that were given, by the formulas of a plan; undefined if nothing does. */
  #derived(name: FieldName): number | undefined {
    if (name === this.#unknown) return undefined;
    if (this.#fields[name] !== undefined) return this.#isOpen(name) ? undefined : this.given(name);
    if (this.#isOpen(name)) return undefined;
    this.#open.push({ name, derived: true });
    const value = this.#rule(name);
    this.#open.pop();
    return value;
  }

  #isOpen(name: FieldName): boolean {
    return this.#open.some((open) => open.name === name);
  }

  #rule(name: FieldName): number | undefined {
    const shuffled = this.#fields.sampler === 'shuffle';
    const of = (...names: FieldName[]) => {
      const values: number[] = [];
      for (const part of names) {
        const value = this.#derived(part);
        if (value === undefined) return undefined;
        values.push(value);
      }
      return values;
    };
    switch (name) {
      case 'samplingProbability': {
        if (shuffled) return undefined;
        const [n, batch] = of('datasetSize', 'batchSize') ?? [];
        return n === undefined ? undefined : batch! / n;
      }
      case 'batchSize': {
        const [n, q] = of('datasetSize', 'samplingProbability') ?? [];
        return n === undefined ? undefined : q! * n;
      }
      case 'steps': {
        const [epochs] = of('epochs') ?? [];
        if (epochs === undefined) return undefined;
        const [n, batch] = of('datasetSize', 'batchSize') ?? [];
        if (n !== undefined)
          return Math.ceil(shuffled ? epochs * Math.ceil(n / batch!) : (epochs * n) / batch!);
        const [q] = of('samplingProbability') ?? [];
        return q === undefined ? undefined : Math.ceil(epochs / q);
      }
      case 'epochs': {
        const [steps] = of('steps') ?? [];
        if (steps === undefined) return undefined;
        const [n, batch] = of('datasetSize', 'batchSize') ?? [];
        if (n !== undefined) return shuffled ? steps / Math.ceil(n / batch!) : (steps * batch!) / n;
        const [q] = of('samplingProbability') ?? [];
        return q === undefined ? undefined : steps * q;
      }
      default:
        return undefined;
    }
  }

  #called(name: FieldName): string {
    return this.#where[name] ?? flagOf(name);
  }
}

function symbolOf(name: FieldName): string {
  return fieldOf(name).symbol ?? name;
}
