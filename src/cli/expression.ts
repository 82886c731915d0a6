import type { FactoryFunctionMap, MathJsInstance, MathNode } from 'mathjs';

/** Functions that an expression may call. */
export const EXPRESSION_FUNCTIONS = [
  'abs',
  'ceil',
  'exp',
  'floor',
  'log',
  'log10',
  'log2',
  'max',
  'min',
  'round',
  'sqrt',
] as const;

const FUNCTIONS: ReadonlySet<string> = new Set(EXPRESSION_FUNCTIONS);
const OPERATORS: ReadonlySet<string> = new Set([
  'add',
  'subtract',
  'multiply',
  'divide',
  'pow',
  'unaryMinus',
  'unaryPlus',
]);

/** Longer than any formula for a number of a plan. */
const MOST_CHARACTERS = 200;
const MOST_LEVELS = 40;

/** Why a text is no expression: the end of a sentence. */
export class ExpressionError extends Error {}

/** Arithmetic that was read and admitted, and the names that it needs. */
export interface Expression {
  readonly text: string;
  readonly names: readonly string[];
}

const TOKEN = /[ \t]+|((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|([A-Za-z][A-Za-z0-9]*)|([-+*/^(),])/y;

/**
 * Reads arithmetic over `known` names: decimal numbers, + − * / ^, parentheses and {@link EXPRESSION_FUNCTIONS}. Every
 * character and every name is looked up in a list, so that whatever else an expression language offers (assignments,
 * properties, strings, lists, units, other functions) is refused here, before anything evaluates it.
 *
 * @throws ExpressionError with the reason.
 *
 * @example
 * readExpression('1/n^1.1', new Set(['n'])).names; // ['n']
 */
export function readExpression(text: string, known: ReadonlySet<string>): Expression {
  if (text.length > MOST_CHARACTERS) {
    throw new ExpressionError(
      `it has ${text.length} characters, more than the ${MOST_CHARACTERS} of a formula`,
    );
  }
  if (text.trim() !== text || text === '') {
    throw new ExpressionError(text === '' ? 'it is empty' : 'it starts or ends with a space');
  }
  const names = new Set<string>();
  // Of each open parenthesis, whether it holds the arguments of a function.
  const open: boolean[] = [];
  let operand: string | undefined;
  let called: string | undefined;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) {
      throw new ExpressionError(`${shown(text, start)} has no meaning in arithmetic over the plan's names`);
    }
    const [token, digits, name, sign] = match;
    if (digits !== undefined || name !== undefined || sign === '(') {
      if (operand !== undefined && !(sign === '(' && called !== undefined)) {
        throw new ExpressionError(`an operator is missing between ${operand} and ${token}`);
      }
    }
    if (digits !== undefined) {
      checkNumber(digits);
      operand = digits;
    } else if (name !== undefined) {
      operand = name;
      const isCall = /^[ \t]*\(/.test(text.slice(TOKEN.lastIndex));
      if (isCall ? !FUNCTIONS.has(name) : !known.has(name)) throw unknownName(name, isCall, known);
      if (!isCall) names.add(name);
      called = isCall ? name : undefined;
      continue;
    } else if (sign === '(') {
      open.push(called !== undefined);
      operand = undefined;
      if (open.length > MOST_LEVELS) throw new ExpressionError('it is nested too deeply');
    } else if (sign === ')') {
      if (open.pop() === undefined) throw new ExpressionError('a closing parenthesis has no opening one');
      operand = ')';
    } else if (sign === ',') {
      if (open.at(-1) !== true)
        throw new ExpressionError('a comma stands outside the arguments of a function');
      operand = undefined;
    } else if (sign !== undefined) {
      operand = undefined;
    } else {
      continue;
    }
    called = undefined;
  }
  if (open.length > 0) throw new ExpressionError('a closing parenthesis is missing');
  return { text, names: [...names] };
}

/** What a double would turn into ∞ or 0 is not the number that was written. */
function checkNumber(digits: string): void {
  const value = Number(digits);
  if (value === Number.POSITIVE_INFINITY) throw new ExpressionError(`${cut(digits)} is too large a number`);
  if (value === 0 && /[1-9]/.test(digits.split(/e/i)[0]!)) {
    throw new ExpressionError(`${cut(digits)} is too small a number`);
  }
}

function unknownName(name: string, isCall: boolean, known: ReadonlySet<string>): ExpressionError {
  return isCall
    ? new ExpressionError(`${cut(name)} is not one of the functions ${EXPRESSION_FUNCTIONS.join(', ')}`)
    : new ExpressionError(`${cut(name)} is not one of the plan's names ${[...known].join(', ')}`);
}

const cut = (text: string) => (text.length > 24 ? `${text.slice(0, 24)}…` : text);
const shown = (text: string, at: number) => JSON.stringify(String.fromCodePoint(text.codePointAt(at)!));

/** The value of an expression, every name of which is in `values`. */
export type Evaluate = (expression: Expression, values: ReadonlyMap<string, number>) => number;

let evaluator: Promise<Evaluate> | undefined;

/**
 * Loads mathjs, once, when the first expression is to be evaluated: a number instance made of nothing but arithmetic.
 * What it parses is looked at again, node by node, before it is evaluated.
 */
export function loadEvaluator(): Promise<Evaluate> {
  evaluator ??= load();
  return evaluator;
}

async function load(): Promise<Evaluate> {
  const math = await import('mathjs/number');
  const needed = ['parse', ...OPERATORS, ...FUNCTIONS];
  const factories = math as unknown as Readonly<Record<string, FactoryFunctionMap>>;
  const { parse } = math.create(
    Object.fromEntries(needed.map((name) => [name, factories[`${name}Dependencies`]!])),
  ) as Pick<MathJsInstance, 'parse'>;
  return ({ text, names }, values) => {
    let value: unknown;
    try {
      const node = parse(text);
      admit(node, new Set(names), 0);
      value = node.compile().evaluate(new Map(names.map((name) => [name, values.get(name)])));
    } catch (error) {
      if (error instanceof ExpressionError) throw error;
      const message = error instanceof Error ? error.message : String(error);
      throw new ExpressionError(`it can't be read (${message.replace(/\s+/g, ' ').slice(0, 120)})`);
    }
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw new ExpressionError(`its value, ${String(value)}, is not a finite number`);
    }
    return value;
  };
}

/** Admits a tree of numbers, known names, arithmetic operators and calls of known functions; nothing else. */
function admit(node: MathNode, names: ReadonlySet<string>, level: number): void {
  if (level > MOST_LEVELS * 2) throw new ExpressionError('it is nested too deeply');
  const inner = (children: readonly MathNode[]) => {
    for (const child of children) admit(child, names, level + 1);
  };
  const { type } = node as { readonly type: string };
  const parts = node as unknown as {
    readonly value?: unknown;
    readonly name?: string;
    readonly fn?: string | { readonly type: string; readonly name?: string };
    readonly implicit?: boolean;
    readonly args?: readonly MathNode[];
    readonly content?: MathNode;
  };
  const { args = [], fn } = parts;
  const isCall =
    typeof fn === 'object' && fn.type === 'SymbolNode' && FUNCTIONS.has(fn.name!) && args.length > 0;
  if (type === 'ConstantNode' && typeof parts.value === 'number') return;
  if (type === 'SymbolNode' && names.has(parts.name!)) return;
  if (type === 'ParenthesisNode') inner([parts.content!]);
  else if (type === 'OperatorNode' && OPERATORS.has(String(fn)) && parts.implicit !== true) inner(args);
  else if (type === 'FunctionNode' && isCall) inner(args);
  else throw new ExpressionError('it is more than arithmetic over numbers and names');
}
