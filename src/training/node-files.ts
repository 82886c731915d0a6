import { DpError } from 'privacy-accounting';

type NodeFs = typeof import('node:fs');
type NodePath = typeof import('node:path');
type NodeCrypto = typeof import('node:crypto');

/** Node's file system, reached without a static import so that the toolkit loads in a page. */
export function nodeFiles(): { readonly fs: NodeFs; readonly path: NodePath; readonly crypto: NodeCrypto } {
  const builtin = globalThis.process?.getBuiltinModule;
  if (typeof builtin !== 'function') {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      'Expected Node 20.16 or newer for a run directory, got a runtime without files. Leave runDirectory out.',
    );
  }
  return { fs: builtin('node:fs'), path: builtin('node:path'), crypto: builtin('node:crypto') };
}

/** Runs a file operation; a failure becomes `DP_IO` that names the file. */
export function withFile<T>(path: string, doing: string, operation: () => T): T {
  try {
    return operation();
  } catch (cause) {
    if (cause instanceof DpError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DpError('DP_IO', `Expected to ${doing} '${path}', got: ${why}.`, { cause });
  }
}

/** Writes a file so that a reader sees the old contents or the new, never a part; readable by its owner only. */
export function writeAtomically(path: string, contents: string | Uint8Array): void {
  const { fs } = nodeFiles();
  const temporary = `${path}.tmp`;
  withFile(path, 'write', () => {
    const file = fs.openSync(temporary, 'w', 0o600);
    try {
      fs.writeFileSync(file, contents);
      fs.fsyncSync(file);
    } finally {
      fs.closeSync(file);
    }
    fs.renameSync(temporary, path);
  });
}

/** Parses a JSON file of one schema; `DP_CORRUPT` when it is missing, broken or of another kind. */
export function readJson(path: string, schema: string): Record<string, unknown> {
  const { fs } = nodeFiles();
  let parsed: unknown;
  try {
    parsed = JSON.parse(fs.readFileSync(path, 'utf8'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DpError('DP_CORRUPT', `Expected JSON of schema '${schema}' in '${path}', got: ${why}.`, {
      cause,
    });
  }
  const record = parsed as Record<string, unknown> | null;
  if (typeof record !== 'object' || record === null || record.schema !== schema) {
    throw new DpError(
      'DP_CORRUPT',
      `Expected schema '${schema}' in '${path}', got ${JSON.stringify(record?.schema) ?? typeof parsed}.`,
    );
  }
  return record;
}

export function sha256(data: Uint8Array): string {
  return nodeFiles().crypto.createHash('sha256').update(data).digest('hex');
}
