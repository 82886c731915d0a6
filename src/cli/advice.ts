import {
  ACCOUNTANT_NAMES,
  type AccountantName,
  type AccountingOptions,
  DpError,
  type DpEvent,
} from 'privacy-accounting';
import { accountantWith } from './curves.js';

/** The last sentence of a refusal, where it names other accountants: written without knowing the whole event. */
const ADVICE = / Use (?:the [\w-]+(?: or [\w-]+)?|another) accountant(?:, or [^.]*)?\.$/;

/** A refusal whose advice names an accountant that does bound the whole event. */
export function advised(reason: string, name: AccountantName | undefined): string {
  return name === undefined ? reason : reason.replace(ADVICE, ` Use the ${name} accountant.`);
}

/**
 * The refusal of an accountant that was asked for by name, with advice that holds for this event. Any other error as it
 * is.
 */
export function withAdvice(error: unknown, event: DpEvent, options: AccountingOptions): unknown {
  if (!(error instanceof DpError) || error.code !== 'DP_UNSUPPORTED_EVENT') return error;
  const other = ACCOUNTANT_NAMES.find((name) => name !== 'clt' && bounds(name, event, options));
  return new DpError(error.code, advised(error.message, other), { cause: error });
}

function bounds(name: AccountantName, event: DpEvent, options: AccountingOptions): boolean {
  try {
    accountantWith(name, event, options);
    return true;
  } catch {
    return false;
  }
}
