import { DpError } from 'privacy-accounting';
import { z } from 'zod';

/** Name and version of the JSON that {@link auditResultSchema} describes. */
export const AUDIT_SCHEMA = 'tfjs-privacy/audit/1';

const count = z.number().int().nonnegative();
const share = z.number().min(0).max(1);
/** ∞ is the string "inf", −∞ is "-inf": JSON has neither, and null could be read as zero. */
const extended = z.union([z.number(), z.literal('inf'), z.literal('-inf')]);
const guarantee = z.enum(['exact', 'asymptotic', 'estimate']);

const rate = z.object({
  successes: count,
  trials: count,
  value: share,
  lower: share,
  upper: share,
  confidence: share,
  method: z.literal('clopper-pearson'),
  guarantee,
});

const auc = z.object({
  value: share,
  lower: share,
  upper: share,
  confidence: share,
  method: z.enum(['hoeffding', 'delong-logit']),
  guarantee,
});

const bound = z.object({
  value: z.number().nonnegative(),
  delta: share,
  confidence: share,
  method: z.enum(['clopper-pearson', 'one-run']),
  guarantee,
});

const resolved = z.object({
  resolvable: z.literal(true),
  targetFpr: share,
  threshold: extended,
  tpr: rate,
  realisedFpr: rate,
  corner: z.object({ fprUpper: share, tprLower: share, confidence: share }),
  epsilonLowerBound: bound,
  certifiableEpsilon: z.number().nonnegative(),
});

const unresolved = z.object({ resolvable: z.literal(false), targetFpr: share, reason: z.string() });

const group = z.enum(['all', 'canaries', 'ordinary']);

const attack = z.object({
  score: z.enum(['loss', 'confidence', 'logit-confidence', 'max-confidence']),
  on: group,
  members: count,
  nonMembers: count,
  evaluation: z.object({ members: count, nonMembers: count }),
  points: z.array(z.discriminatedUnion('resolvable', [resolved, unresolved])),
  /** null for independent trials. */
  oneRun: z
    .object({
      assignment: z.enum(['coins', 'split']),
      coins: count,
      guesses: count,
      correct: count,
      epsilonLowerBound: bound,
      certifiableEpsilon: z.number().nonnegative(),
    })
    .nullable(),
  auc: z.object({ exact: auc, asymptotic: auc.nullable() }),
  roc: z.object({
    falsePositives: z.array(count),
    truePositives: z.array(count),
    nonMembers: count,
    members: count,
  }),
});

const histogram = z.object({
  on: group,
  score: z.literal('logit-confidence'),
  /** Bin limits in nats, one more than there are bins. */
  edges: z.array(z.number()).min(2),
  members: z.array(count),
  nonMembers: z.array(count),
});

/**
 * Everything that a report needs of one audit. Computed from the training data and not noised: the whole
 * document is a private value.
 */
export const auditResultSchema = z.object({
  schema: z.literal(AUDIT_SCHEMA),
  created: z.string(),
  /** The model, or the run, that was attacked. */
  subject: z.string(),
  /** What the attacker is assumed to see. */
  attacker: z.string(),
  design: z.enum(['one-model', 'independent-trials']),
  /** What has to be true for the statements marked exact. */
  assumptions: z.array(z.string()),
  seed: z.string(),
  confidence: share,
  multiplicity: z.object({
    method: z.literal('bonferroni'),
    thresholds: count,
    attacks: count,
    errorPerThreshold: share,
    errorPerAttack: share,
  }),
  /** Whose membership was decided by fair coins. */
  coins: z.enum(['none', 'canaries', 'all']),
  claim: z
    .object({
      epsilon: extended,
      delta: share,
      relation: z.enum(['add-or-remove-one', 'replace-one', 'replace-special']),
      accountant: z.string().optional(),
    })
    .nullable(),
  sample: z.object({
    members: count,
    nonMembers: count,
    memberCanaries: count,
    nonMemberCanaries: count,
    classes: count,
    /** Rows with a NaN or infinite logit: scored as least confident. */
    nonFiniteRows: count,
  }),
  attacks: z.array(attack).min(1),
  histograms: z.array(histogram),
  verdict: z.object({ value: z.enum(['consistent', 'violated', 'inconclusive']), reason: z.string() }),
  notes: z.array(z.string()),
});

/** The audit as JSON: what {@link auditResultSchema} accepts. */
export type AuditResult = z.infer<typeof auditResultSchema>;
/** One attack of an audit. */
export type AttackResult = AuditResult['attacks'][number];
/** Which examples an attack was run on. */
export type AuditGroup = z.infer<typeof group>;
/** Counts of a score's values, members beside non-members. */
export type ScoreHistogram = AuditResult['histograms'][number];

/**
 * Checks that `json` is an audit of this schema and returns it.
 *
 * @throws DpError `DP_CORRUPT`, naming the path of the first wrong value.
 *
 * @example
 * const audit = parseAuditResult(JSON.parse(await readFile('audit.json', 'utf8')));
 */
export function parseAuditResult(json: unknown): AuditResult {
  const parsed = auditResultSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new DpError(
    'DP_CORRUPT',
    `audit result: expected the JSON of schema ${AUDIT_SCHEMA}; at ${issue?.path.join('.') || 'the top'}: ` +
      `${issue?.message}.`,
    { cause: parsed.error },
  );
}

/** A number as JSON: the infinities become "inf" and "-inf". */
export function toExtended(value: number): number | 'inf' | '-inf' {
  if (value === Number.POSITIVE_INFINITY) return 'inf';
  return value === Number.NEGATIVE_INFINITY ? '-inf' : value;
}

/** The inverse of {@link toExtended}. */
export function fromExtended(value: number | 'inf' | '-inf'): number {
  if (value === 'inf') return Number.POSITIVE_INFINITY;
  return value === '-inf' ? Number.NEGATIVE_INFINITY : value;
}
