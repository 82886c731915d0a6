import type { AccountantName, AccountingOptions } from 'privacy-accounting';
import type { Answer } from './answer.js';
import { EXIT, reportFailure } from './failure.js';
import type { Terminal } from './terminal.js';

/** A further question about an answer: its keys in JSON, and how it is printed. */
export interface Extra {
  readonly json: Readonly<Record<string, unknown>>;
  readonly print?: (terminal: Terminal) => void;
  /** Of a budget: whether it is kept. */
  readonly met?: boolean;
  /** What went wrong although the answer is complete: a file that could not be written. */
  readonly failure?: unknown;
}

/** What else is asked. */
export interface ExtraFlags {
  readonly compare?: readonly AccountantName[];
  readonly budgetEpsilon?: number;
  readonly remaining?: boolean;
  readonly ceilings?: boolean;
  readonly prior?: number;
  readonly exception?: number;
  readonly baseline?: number;
  readonly poisoned?: number;
  readonly plot?: string | true;
}

/** Answers what else is asked. Each question has its module, loaded when it is asked. */
export async function extrasOf(
  answer: Answer,
  flags: ExtraFlags,
  options: AccountingOptions,
): Promise<readonly Extra[]> {
  const { compare, budgetEpsilon, remaining = false, plot } = flags;
  const extras: Extra[] = [];
  if (compare !== undefined) {
    const { comparison } = await import('./comparison.js');
    extras.push(comparison(answer, compare, options));
  }
  if (budgetEpsilon !== undefined) {
    const { spending } = await import('./spending.js');
    extras.push(spending(answer, { epsilon: budgetEpsilon, remaining }, options));
  }
  if (flags.ceilings) {
    const { ceilings } = await import('./ceilings.js');
    extras.push(ceilings(answer, flags, options));
  }
  if (plot !== undefined) {
    const { plots } = await import('./plots.js');
    extras.push(
      await plots(answer, { target: plot, ...(compare === undefined ? {} : { compare }) }, options),
    );
  }
  return extras;
}

/** The keys of all of them. */
export function extrasJson(extras: readonly Extra[]): Record<string, unknown> {
  return Object.assign({}, ...extras.map(({ json }) => json)) as Record<string, unknown>;
}

/** The exit code after everything was printed. Failures are said on stderr: stdout has its one object already. */
export function outcome(extras: readonly Extra[], terminal: Terminal): number {
  let code: number = EXIT.done;
  for (const { failure } of extras) {
    if (failure !== undefined) code = reportFailure(failure, terminal, false);
  }
  return extras.some(({ met }) => met === false) ? EXIT.exceeded : code;
}
