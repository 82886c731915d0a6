import { DpError } from 'privacy-accounting';
import { z } from 'zod';

/** Name of the file that describes the audit set inside a run directory. */
export const AUDIT_SET_FILE = 'audit-set.json';
const SCHEMA = 'tfjs-privacy/audit-set/1';

/** One input of the model, row-major: `data` holds the product of `shape` values, shape[0] being the examples. */
export interface FeatureArray {
  readonly data: Float32Array | Int32Array | Uint8Array;
  readonly shape: readonly number[];
}

/** The examples that an audit is run on, members and non-members of the training data: PRIVATE DATA. */
export interface AuditSet {
  /** One for each input of the model. */
  readonly features: readonly FeatureArray[];
  /** [n]: the class that the example was, or would have been, trained with. */
  readonly labels: ArrayLike<number>;
  /** [n] of 0 and 1. */
  readonly member: ArrayLike<number>;
  /** [n] of 0 and 1. Default: no canaries. */
  readonly canary?: ArrayLike<number>;
  /** [n]: names that the data's owner recognises. Default '0', '1', …. */
  readonly ids?: readonly string[];
  readonly classes: number;
  /** Whose membership was decided by a fair coin of its own. Default 'none'. */
  readonly coins?: 'none' | 'canaries' | 'all';
}

/** An audit set as it was loaded: every column present. */
export interface LoadedAuditSet extends AuditSet {
  readonly labels: Int32Array;
  readonly member: Uint8Array;
  readonly canary: Uint8Array;
  readonly ids: readonly string[];
  readonly coins: 'none' | 'canaries' | 'all';
}

const NOTICE =
  'Private data: examples, and who of them was in the training data. No noise protects this directory; keep it ' +
  'as you keep the data set, and delete it when the audit is done.';

/** Constructors of the stored number formats. */
export const DTYPES = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array } as const;

const bit = z.union([z.literal(0), z.literal(1)]);
const manifestSchema = z.strictObject({
  schema: z.literal(SCHEMA),
  notice: z.string(),
  classes: z.number().int().min(2),
  coins: z.enum(['none', 'canaries', 'all']),
  examples: z
    .array(
      z.strictObject({ id: z.string(), member: bit, canary: bit, label: z.number().int().nonnegative() }),
    )
    .min(1),
  features: z
    .array(
      z.strictObject({
        file: z.string().regex(/^audit-set-\d+-[0-9a-f]{16}\.bin$/),
        dtype: z.enum(['float32', 'int32', 'uint8']),
        byteOrder: z.literal('little-endian'),
        shape: z.array(z.number().int().positive()).min(1),
        bytes: z.number().int().positive(),
        sha256: z.string().length(64),
      }),
    )
    .min(1),
});
/** What `audit-set.json` holds, but for its own hash. */
export type AuditSetManifest = z.infer<typeof manifestSchema>;

/** The manifest of a set that was checked column by column. */
export async function describeAuditSet(set: AuditSet): Promise<AuditSetManifest> {
  const { features, labels, member, canary, ids, classes } = set;
  const n = labels.length;
  const columns: Record<string, number> = { member: member.length };
  if (canary !== undefined) columns.canary = canary.length;
  if (ids !== undefined) columns.ids = ids.length;
  for (const [i, { data, shape }] of features.entries()) {
    columns[`features[${i}]`] = shape[0] ?? 0;
    const size = shape.reduce((product, length) => product * length, 1);
    if (size !== data.length) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `features[${i}]: shape [${shape}] needs ${size} values, got ${data.length}.`,
      );
    }
  }
  for (const [name, length] of Object.entries(columns)) {
    if (length !== n) {
      throw new DpError('DP_INVALID_ARGUMENT', `${name}: expected ${n} examples, as labels, got ${length}.`);
    }
  }
  const body = {
    schema: SCHEMA,
    notice: NOTICE,
    classes,
    coins: set.coins ?? 'none',
    examples: Array.from(labels, (label, i) => ({
      id: ids?.[i] ?? String(i),
      member: member[i],
      canary: canary?.[i] ?? 0,
      label,
    })),
    features: await Promise.all(
      features.map(async ({ data, shape }, i) => {
        const hash = await sha256(bytesOf(data));
        return {
          file: `audit-set-${i}-${hash.slice(0, 16)}.bin`,
          dtype: data instanceof Float32Array ? 'float32' : data instanceof Int32Array ? 'int32' : 'uint8',
          byteOrder: 'little-endian',
          shape: [...shape],
          bytes: data.byteLength,
          sha256: hash,
        };
      }),
    ),
  };
  const parsed = manifestSchema.safeParse(body);
  const issue = parsed.success ? labelIssue(parsed.data) : `${first(parsed.error)}`;
  if (!parsed.success || issue !== undefined) {
    throw new DpError('DP_INVALID_ARGUMENT', `audit set: ${issue}.`);
  }
  return parsed.data;
}

/** The manifest in the text of `audit-set.json`, its hash, shapes and labels checked. */
export async function parseManifest(text: string): Promise<AuditSetManifest> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw corrupt(AUDIT_SET_FILE, 'not JSON: truncated or altered', cause);
  }
  const { sha256: recorded, ...rest } = (json ?? {}) as Record<string, unknown>;
  const parsed = manifestSchema.safeParse(rest);
  if (!parsed.success) throw corrupt(AUDIT_SET_FILE, first(parsed.error), parsed.error);
  if (recorded !== (await sha256(JSON.stringify(parsed.data)))) {
    throw corrupt(AUDIT_SET_FILE, 'its own SHA-256 does not match: altered since the run');
  }
  const n = parsed.data.examples.length;
  for (const { file, shape, bytes, dtype } of parsed.data.features) {
    const size = shape.reduce((product, length) => product * length, DTYPES[dtype].BYTES_PER_ELEMENT);
    if (shape[0] !== n || size !== bytes) {
      throw corrupt(
        AUDIT_SET_FILE,
        `${file}: shape [${shape}] fits neither ${n} examples nor ${bytes} bytes`,
      );
    }
  }
  const issue = labelIssue(parsed.data);
  if (issue !== undefined) throw corrupt(AUDIT_SET_FILE, issue);
  return parsed.data;
}

function labelIssue({ examples, classes }: AuditSetManifest): string | undefined {
  const wrong = examples.findIndex(({ label }) => label >= classes);
  if (wrong < 0) return undefined;
  return `labels[${wrong}]: expected an integer in 0…${classes - 1}, got ${examples[wrong]!.label}`;
}

function first(error: z.ZodError): string {
  const [issue] = error.issues;
  return `at ${issue?.path.join('.') || 'the top'}: ${issue?.message}`;
}

/** A file of the run directory is not what was written. */
export function corrupt(file: string, problem: string, cause?: unknown): DpError {
  return new DpError(
    'DP_CORRUPT',
    `${file}: ${problem}. Save the audit set again from the run's own data.`,
    cause === undefined ? undefined : { cause },
  );
}

/** The bytes of a feature array, in the machine's (little-endian) order. */
export function bytesOf(data: FeatureArray['data']): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** SHA-256 as 64 hexadecimal digits. */
export async function sha256(content: string | Uint8Array): Promise<string> {
  const { createHash } = await import('node:crypto');
  return createHash('sha256').update(content).digest('hex');
}
