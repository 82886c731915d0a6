import { DpError } from 'privacy-accounting';
import { z } from 'zod';
import { auditResultSchema } from '../audit/index.js';

/** Name and version of the JSON that {@link reportSchema} describes. */
export const REPORT_SCHEMA = 'tfjs-privacy/report/1';

/**
 * Who may see a number. `public`: independent of the training data, or computed from what ε already covers
 * (such as the accuracy of a private model on separate test data). `private value`: computed from the training
 * data without noise; showing it spends privacy that no ε accounts for.
 */
const visibilitySchema = z.enum(['public', 'private value']);

const share = z.number().min(0).max(1);
const count = z.number().int().nonnegative();

const guarantee = z.object({
  /** An upper bound, in nats. "inf": no guarantee, e.g. because the noise was seeded. */
  epsilon: z.union([z.number().nonnegative(), z.literal('inf')]),
  delta: share,
  relation: z.enum(['add-or-remove-one', 'replace-one', 'replace-special']),
  unit: z.string().default('example'),
  accountant: z.string(),
  /** The accountant's own words. */
  statement: z.string(),
  warning: z.string().optional(),
});

const run = z.object({
  /** Referred to by curves and audits; unique. Letters, digits, '.', '_' and '-'. */
  id: z.string().regex(/^[\w.-]+$/),
  name: z.string().min(1),
  /** Whether noise protects the run. Its ε says how well. */
  private: z.boolean(),
  /** Runs with the same group are shown together, e.g. 'Trained on all digits'. */
  group: z.string().optional(),
  privacy: z.union([guarantee, z.literal('not private')]),
  accuracy: z
    .object({
      value: share,
      /** Size of the set it was measured on. */
      examples: count.min(1),
      on: z.string(),
      visibility: visibilitySchema,
    })
    .optional(),
  /** How long training took, where it is on record. */
  seconds: z.number().nonnegative().optional(),
  datasetSize: count.optional(),
  epochs: z.number().nonnegative().optional(),
  steps: count.optional(),
  noiseMultiplier: z.number().nonnegative().optional(),
  l2NormClip: z.number().positive().optional(),
  /** How gradients were bounded, and which settings changed over the steps, in words. */
  clipping: z.string().optional(),
  schedules: z.string().optional(),
  expectedBatchSize: z.number().positive().optional(),
  sampler: z.string().optional(),
  optimizer: z.string().optional(),
  parameters: count.optional(),
});

const curve = z.object({
  run: z.string(),
  metric: z.enum(['accuracy', 'loss', 'epsilon']),
  /** What it was measured on, e.g. 'test set'. */
  on: z.string().optional(),
  visibility: visibilitySchema,
  /** [epoch, value] pairs, in order. Non-finite values are left out by whoever records them. */
  points: z.array(z.tuple([z.number(), z.number()])),
});

/** The one document that every renderer draws. */
export const reportSchema = z.object({
  schema: z.literal(REPORT_SCHEMA),
  title: z.string().min(1),
  /** ISO date. */
  created: z.string(),
  /** One or two sentences for a reader who knows nothing of the run. */
  summary: z.string().optional(),
  /** Packages and their versions, `tfjs-privacy` first. */
  versions: z.record(z.string(), z.string()),
  backend: z.object({
    name: z.string(),
    reason: z.string().optional(),
    threads: count.optional(),
    version: z.string().optional(),
  }),
  dataset: z.object({
    name: z.string(),
    description: z.string(),
    trainExamples: count.optional(),
    testExamples: count.optional(),
  }),
  runs: z.array(run).min(1),
  curves: z.array(curve).default([]),
  audits: z.array(z.object({ run: z.string(), result: auditResultSchema })).default([]),
  /** Runs to draw as accuracy against ε; absent or empty: no such figure. */
  comparison: z.object({ runs: z.array(z.string()), caption: z.string() }).optional(),
  /** What the reader should know: limits, deviations, things that went wrong. */
  notes: z.array(z.string()).default([]),
});

/** What a caller writes: defaults may be left out. */
export type ReportInput = z.input<typeof reportSchema>;
/** A checked report. */
export type Report = z.output<typeof reportSchema>;
export type ReportRun = Report['runs'][number];
export type ReportCurve = Report['curves'][number];
export type ReportAudit = Report['audits'][number];
export type Guarantee = Exclude<ReportRun['privacy'], 'not private'>;

/**
 * Checks that `json` is a report of this schema, that run ids are unique and that every curve, audit and
 * comparison names one of them; fills in defaults.
 *
 * @throws DpError `DP_CORRUPT`, naming the path of the first wrong value.
 *
 * @example
 * const report = parseReport(JSON.parse(await readFile('report.json', 'utf8')));
 */
export function parseReport(json: unknown): Report {
  const parsed = reportSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new DpError(
      'DP_CORRUPT',
      `report: expected the JSON of schema ${REPORT_SCHEMA}; at ${issue?.path.join('.') || 'the top'}: ` +
        `${issue?.message}.`,
      { cause: parsed.error },
    );
  }
  const report = parsed.data;
  const ids = new Set(report.runs.map(({ id }) => id));
  if (ids.size < report.runs.length) throw unknown('runs', 'two runs have the same id');
  const named = {
    curves: report.curves.map((entry) => entry.run),
    audits: report.audits.map((entry) => entry.run),
    'comparison.runs': report.comparison?.runs ?? [],
  };
  for (const [path, names] of Object.entries(named)) {
    const missing = names.find((name) => !ids.has(name));
    if (missing !== undefined) throw unknown(path, `no run has the id '${missing}'`);
  }
  const protectedWithoutBound = report.runs.find((entry) => entry.private && entry.privacy === 'not private');
  if (protectedWithoutBound !== undefined) {
    throw unknown('runs', `'${protectedWithoutBound.id}' is private but its privacy is 'not private'`);
  }
  return report;
}

/** ε as a number. */
export function epsilonOf(privacy: ReportRun['privacy']): number {
  return privacy === 'not private' || privacy.epsilon === 'inf' ? Number.POSITIVE_INFINITY : privacy.epsilon;
}

/** The finite (ε, δ) claim of a run, if it has one. */
export function finiteGuarantee({
  privacy,
}: Pick<ReportRun, 'privacy'>): (Guarantee & { readonly epsilon: number }) | undefined {
  if (privacy === 'not private' || privacy.epsilon === 'inf') return undefined;
  return { ...privacy, epsilon: privacy.epsilon };
}

function unknown(path: string, problem: string): DpError {
  return new DpError('DP_CORRUPT', `report: at ${path}: ${problem}.`);
}
