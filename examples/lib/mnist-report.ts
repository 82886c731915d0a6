import type { BackendInfo } from 'tfjs-privacy';
import type { AuditResult } from 'tfjs-privacy/audit';
import type { ReportInput } from 'tfjs-privacy/report';
import { curvesOf, reportFrame, runOf } from './report-parts.js';
import type { Trained } from './train.js';

/** The same classifier trained on the same digits, once without privacy and once with it. */
export interface Pair {
  readonly plain: Trained;
  readonly private: Trained;
}

/** A pair and what the attacks found. */
export interface Attacked {
  readonly pair: Pair;
  readonly plain: AuditResult;
  readonly private: AuditResult;
}

/** The document that the demo's page is drawn from. */
export function demoReport({
  pair,
  attacked,
  backend,
  testExamples,
  resumed,
}: {
  readonly pair: Pair;
  readonly attacked: Attacked;
  readonly backend: BackendInfo;
  readonly testExamples: number;
  readonly resumed: boolean;
}): ReportInput {
  const count = pair.plain.examples.toLocaleString('en-US');
  const few = attacked.pair.plain.examples.toLocaleString('en-US');
  const all = { group: `Trained on ${count} digits` };
  const audited = { group: `Trained on ${few} digits, and attacked` };
  return {
    ...reportFrame(backend),
    title: 'Handwritten digits, with and without differential privacy',
    summary:
      `The same classifier, trained on ${count} handwritten digits without privacy and with DP-SGD; and a second ` +
      `pair, trained on ${few} digits with mislabelled canaries among them, which an attacker tries to find.`,
    dataset: {
      name: 'MNIST',
      description:
        'Handwritten digits in 28 × 28 grey values (LeCun, Cortes & Burges 1998), halved in resolution and each ' +
        'normalised by its own mean and deviation.',
      trainExamples: pair.plain.examples,
      testExamples,
    },
    runs: [
      runOf({ id: 'plain', name: 'Without privacy', ...all }, pair.plain, testExamples),
      runOf({ id: 'private', name: 'With DP-SGD', ...all }, pair.private, testExamples),
      runOf(
        { id: 'audit-plain', name: 'Without privacy, attacked', ...audited },
        attacked.pair.plain,
        testExamples,
      ),
      runOf(
        { id: 'audit-private', name: 'With DP-SGD, attacked', ...audited },
        attacked.pair.private,
        testExamples,
      ),
    ],
    curves: [...curvesOf('plain', pair.plain), ...curvesOf('private', pair.private)],
    audits: [
      { run: 'audit-plain', result: attacked.plain },
      { run: 'audit-private', result: attacked.private },
    ],
    notes: [
      'Tuning is not charged. Architecture, features, clipping norm, learning rates and numbers of epochs were chosen ' +
        'on what is publicly known of MNIST, trial runs on it included. On private data such trials spend budget.',
      'Accuracy by epoch is measured on the official test digits, which are public. It is drawn, nothing is chosen by ' +
        'it; the accuracy that is reported is the one after the last step.',
      'The attacked digits come from one shuffled pool of the training digits, never from the official test set, and ' +
        'a fair coin for each put it into the training data or left it out. The canaries among them have a random ' +
        'wrong label. Further digits of the pool of both kinds, which were never at stake, were attacked as non-members, ' +
        'so that low false-positive rates can be measured. Scores come from logits.',
      'What was computed from the training digits without noise (losses, the model without privacy, the attacks) is ' +
        'not covered by any ε. It is shown because MNIST is public.',
      ...(resumed
        ? [
            'This run was interrupted and continued: seconds and curves of what had been done before are missing.',
          ]
        : []),
    ],
  };
}
