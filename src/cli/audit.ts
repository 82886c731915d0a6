import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { type AuditResult, auditModel, loadAuditSet, VERDICT_EXIT_CODE } from '../audit/index.js';
import { type BackendInfo, selectBackend } from '../backend/index.js';
import { type LoadedRun, loadRun } from '../training/index.js';
import { readJson, writeAtomically } from '../training/node-files.js';
import { epsilonText } from './answer.js';
import { badInput, EXIT, reportFailure, WriteError } from './failure.js';
import { claimOf, type RunClaim } from './run-claim.js';
import { facts, printJson, type Terminal, textWidth, wantsColor, wrap } from './terminal.js';
import { packageVersion } from './version.js';

/** Flags of `audit`. */
export interface AuditFlags {
  readonly html?: string;
  readonly json?: boolean;
}

/** Where the audit of a run is kept, beside the model. */
export const AUDIT_FILE = 'audit.json';

interface Audited {
  readonly run: LoadedRun;
  readonly claim: RunClaim;
  readonly result: AuditResult;
  readonly backend: BackendInfo;
}

/**
 * Attacks the model of a saved run and compares what is found with the run's own claim. Writes `audit.json` into the
 * run, and the page if one is asked for; then prints. The exit code is the verdict's, unless a file could not be
 * written and the verdict is no violation.
 */
export async function runAudit(path: string, flags: AuditFlags, terminal: Terminal): Promise<number> {
  if (flags.html !== undefined && !existsSync(dirname(flags.html))) {
    throw badInput(
      `--html ${flags.html}: the folder ${dirname(flags.html)} does not exist. Make it, or name another.`,
    );
  }
  const audited = await attack(path, terminal);
  const { run, result } = audited;
  const failure = await keep(path, flags, audited, terminal).catch((error: unknown) => error);
  run.model.dispose();
  if (flags.json) printJson(result, terminal);
  else await print(audited, terminal);
  const verdict = VERDICT_EXIT_CODE[result.verdict.value];
  if (failure === undefined) return verdict;
  // stdout has its one object already.
  const failed = reportFailure(failure, terminal, false);
  return verdict === EXIT.violated ? verdict : failed;
}

async function attack(path: string, terminal: Terminal): Promise<Audited> {
  const say = (text: string) => terminal.stderr.isTTY === true && terminal.stderr.write(`${text}\n`);
  const backend = await selectBackend();
  const run = await loadRun(path);
  const claim = claimOf(run, statedPrivacy(path));
  const { features, ...set } = await loadAuditSet(path);
  if (features.length !== run.model.inputs.length) {
    throw badInput(
      `${path}: the audit set has ${features.length} feature arrays, but the model takes ` +
        `${run.model.inputs.length}. Save the audit set with one array for each input.`,
    );
  }
  say(`Attacking on ${backend.name}: ${backend.reason}.`);
  const tensors = features.map(({ data, shape }, i) =>
    tf.tidy(() => tf.cast(tf.tensor(data, [...shape]), run.model.inputs[i]!.dtype)),
  );
  try {
    const result = await auditModel({
      ...set,
      model: run.model,
      features: tensors,
      claim: claim.bound,
      subject: path,
    });
    return { run, claim, result, backend };
  } finally {
    tf.dispose(tensors);
  }
}

/** What was attacked, then the library's own table and verdict. */
async function print({ run, claim, result }: Audited, terminal: Terminal): Promise<void> {
  const { renderAuditTerminal } = await import('../report/index.js');
  const { bound } = claim;
  const { members, nonMembers, memberCanaries, nonMemberCanaries } = result.sample;
  const canaries =
    memberCanaries + nonMemberCanaries === 0
      ? ''
      : ` (of them canaries: ${memberCanaries} and ${nonMemberCanaries})`;
  const columns = textWidth(terminal.stdout);
  const about = facts(
    [
      ['run', `${run.path}: ${run.steps} steps on record, model of step ${run.checkpointStep}`],
      ['claim', `${epsilonText(bound)}, ${bound.relation}, by ${bound.accountant}`],
      ['audited', `${members} members, ${nonMembers} non-members${canaries}`],
    ],
    columns,
  );
  const color = wantsColor(terminal.stdout, terminal.env);
  terminal.stdout.write(`${about}\n\n${renderAuditTerminal(result, { color, columns })}`);
  for (const note of result.notes) terminal.stdout.write(`\n${wrap(`Note: ${note}`, columns)}\n`);
}

/** What the run wrote about itself when it ended; nothing if it never did. */
function statedPrivacy(path: string): Record<string, unknown> | undefined {
  const file = join(path, 'privacy.json');
  return existsSync(file) ? readJson(file, 'tfjs-privacy/privacy/1') : undefined;
}

async function keep(path: string, { html }: AuditFlags, audited: Audited, terminal: Terminal): Promise<void> {
  const files = [join(path, AUDIT_FILE)];
  write(files[0]!, `${JSON.stringify(audited.result, null, 2)}\n`);
  if (html !== undefined) {
    const [{ renderHtml }, { auditReport }] = await Promise.all([
      import('../report/index.js'),
      import('./audit-report.js'),
    ]);
    write(html, await renderHtml(auditReport({ ...audited, version: packageVersion() })));
    files.push(html);
  }
  if (terminal.stderr.isTTY === true) terminal.stderr.write(`Wrote ${files.join(' and ')}.\n`);
}

function write(path: string, text: string): void {
  try {
    writeAtomically(path, text);
  } catch (cause) {
    throw new WriteError(path, cause instanceof Error && cause.cause !== undefined ? cause.cause : cause);
  }
}
