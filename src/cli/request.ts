import { type ConfigFields, readConfig } from './config-input.js';
import { badInput } from './failure.js';
import type { FieldName, Given } from './fields.js';
import { type Formulas, type Resolved, resolveFields } from './quantities.js';
import type { Terminal } from './terminal.js';

/** What a command was asked, with every number computed. */
export interface Request<F> {
  readonly flags: Resolved<F>;
  readonly formulas: Formulas;
}

/**
 * Puts together what a command was asked: the file of `--config` first, flags over it, then every expression computed
 * from the others. `known` are the numeric fields that the command has, `lists` those that take several values,
 * `unknown` the one that is to be found.
 */
export async function readRequest<F extends { readonly config?: string }>(
  flags: F,
  terminal: Terminal,
  options: {
    readonly known: readonly FieldName[];
    readonly lists?: readonly FieldName[];
    readonly unknown?: FieldName;
  },
): Promise<Request<F>> {
  const { config, event } = flags as F & { readonly event?: string };
  if (config === '-' && event === '-') {
    throw badInput('--config - and --event - both read standard input: give one of them as a file.');
  }
  const read: ConfigFields =
    config === undefined ? { fields: {}, where: {} } : await readConfig(config, terminal, options);
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const fields = { ...read.fields, ...given } as F & Readonly<Partial<Record<FieldName, Given>>>;
  const where = Object.fromEntries(Object.entries(read.where).filter(([name]) => !(name in given)));
  const { unknown } = options;
  const resolved = await resolveFields(fields, { where, ...(unknown === undefined ? {} : { unknown }) });
  return { flags: resolved.fields, formulas: resolved.formulas };
}
