import { complaints, type GoldenCase } from './golden-check.js';
import { answer } from './golden-families.js';

export interface GoldenReport {
  readonly passed: number;
  /** One line a complaint: `id: what, got, expected`. */
  readonly failures: readonly { readonly id: string; readonly lines: readonly string[] }[];
  /** Cases by family of what this package does not answer. */
  readonly skipped: ReadonlyMap<string, number>;
}

/** Reads the cases out of a parsed golden file. */
export function casesOf(file: unknown): readonly GoldenCase[] {
  const cases: unknown = Array.isArray(file) ? file : (file as { cases?: unknown } | null)?.cases;
  if (!Array.isArray(cases)) throw new TypeError('a golden file is an object with a list "cases"');
  return cases.map((entry: Partial<GoldenCase> | null, i) => {
    if (typeof entry?.id !== 'string' || typeof entry.family !== 'string') {
      throw new TypeError(`cases[${i}] has no id or no family`);
    }
    return { params: {}, expected: {}, check: 'none', ...entry, tol: entry.tol ?? {} } as GoldenCase;
  });
}

/** Answers every case of a known family and checks it. A case that throws has failed. */
export function runGolden(cases: readonly GoldenCase[]): GoldenReport {
  let passed = 0;
  const failures: { id: string; lines: string[] }[] = [];
  const skipped = new Map<string, number>();
  for (const golden of cases) {
    const lines = outcome(golden);
    if (lines === undefined) skipped.set(golden.family, (skipped.get(golden.family) ?? 0) + 1);
    else if (lines.length === 0) passed++;
    else failures.push({ id: golden.id, lines });
  }
  return { passed, failures, skipped };
}

function outcome(golden: GoldenCase): string[] | undefined {
  try {
    const got = answer(golden.family, golden.params, golden.expected);
    return got === undefined ? undefined : complaints(golden, got);
  } catch (error) {
    return [error instanceof Error ? `${error.name}: ${error.message}` : String(error)];
  }
}
