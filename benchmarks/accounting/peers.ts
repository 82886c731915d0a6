import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { peersPython } from '../step/peers.js';
import { timeColdStarts, timingOf } from './cold-start.js';
import type { AccountingPeerRow, Timing } from './figures.js';

const FOLDER = fileURLToPath(new URL('../peers/', import.meta.url));
/** For one question. */
const LIMIT_SECONDS = 240;
const COLD_ROUNDS = 3;

const PEERS = [
  {
    peer: 'dp_accounting',
    questions: ['pld-epsilon', 'pld-calibration', 'rdp-epsilon', 'single-steps'],
  },
  { peer: 'opacus', questions: ['pld-epsilon', 'certified-epsilon', 'pld-calibration', 'rdp-epsilon'] },
  { peer: 'prv_accountant', questions: ['pld-epsilon', 'certified-epsilon'] },
] as const;

/** Asks the peers, each question in a process of its own; nothing, with a word, where they aren't installed. */
export function measureAccountingPeers(
  wanted: (question: string) => boolean,
  seconds: number,
  say: (text: string) => void,
): AccountingPeerRow[] {
  const python = peersPython();
  if (python === undefined) {
    say('peers skipped: no Python environment with dp_accounting; set it up with npm run bench:peers\n');
    return [];
  }
  return PEERS.flatMap(({ peer, questions }) => {
    const script = join(FOLDER, `accounting_${peer}.py`);
    const rows: AccountingPeerRow[] = questions
      .filter(wanted)
      .map((question) => askPeer(python, script, { peer, question, seconds }));
    if (wanted('cold-start')) rows.push(coldPeer(python, script, peer, rows[0]?.version ?? ''));
    for (const { question, timing, answer, error } of rows) {
      const figure = timing === null ? (error ?? 'no result') : `${timing.minimum.toFixed(1)} ms, ${answer}`;
      say(`${peer}, ${question}: ${figure}\n`);
    }
    return rows;
  });
}

function askPeer(
  python: string,
  script: string,
  asked: { readonly peer: string; readonly question: string; readonly seconds: number },
): AccountingPeerRow {
  const { peer, question, seconds } = asked;
  const { stdout, stderr, error } = spawnSync(
    python,
    [script, '--question', question, '--seconds', String(seconds)],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 1000 * LIMIT_SECONDS },
  );
  const line = stdout.split('\n').find((text) => text.startsWith('{'));
  if (line === undefined) {
    const reason = error ? `not done after ${LIMIT_SECONDS} s` : stderr.trim().split('\n').at(-1);
    return { peer, version: '', question, timing: null, answer: null, error: reason || 'no result' };
  }
  const { minimum, median, rounds, ...row } = JSON.parse(line) as AccountingPeerRow & Timing;
  const timing = minimum === null ? null : { minimum, median, rounds };
  return { ...row, timing };
}

/** A process that asks for one ε by the loss distribution: imports and all. */
function coldPeer(python: string, script: string, peer: string, version: string): AccountingPeerRow {
  const row = { peer, version, question: 'cold-start' };
  try {
    const args = [script, '--question', 'pld-epsilon', '--cold'];
    const started = timeColdStarts(python, args, COLD_ROUNDS);
    return { ...row, timing: timingOf(started), answer: Number(started.stdout) };
  } catch (error) {
    return {
      ...row,
      timing: null,
      answer: null,
      error: error instanceof Error ? error.message : String(error),
    };
  }
}
