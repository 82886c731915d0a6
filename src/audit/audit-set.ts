import { DpError } from 'privacy-accounting';
import {
  AUDIT_SET_FILE,
  type AuditSet,
  bytesOf,
  corrupt,
  DTYPES,
  describeAuditSet,
  type FeatureArray,
  type LoadedAuditSet,
  parseManifest,
  sha256,
} from './audit-set-manifest.js';

/**
 * Writes an audit set into `directory` (created if missing): `audit-set.json` and one binary per feature array,
 * readable by their owner only (mode 0600).
 *
 * Binaries are named by their hash and written first, `audit-set.json` last, each under a temporary name, synced
 * and renamed: a crash leaves the previous audit set whole. The data are private and stay in clear text.
 *
 * @throws DpError `DP_INVALID_ARGUMENT` for columns of different length or values out of range, `DP_IO` when
 * the file system refuses.
 *
 * @example
 * await saveAuditSet('runs/7', { features: [{ data: pixels, shape: [n, 784] }], labels, member, classes: 10 });
 */
export async function saveAuditSet(directory: string, set: AuditSet): Promise<void> {
  const { join } = await import('node:path');
  const fs = await import('node:fs/promises');
  const body = await describeAuditSet(set);
  await io(directory, () => fs.mkdir(directory, { recursive: true }));
  for (const [i, { file }] of body.features.entries()) {
    await writeAtomically(join(directory, file), bytesOf(set.features[i]!.data));
  }
  const json = JSON.stringify({ ...body, sha256: await sha256(JSON.stringify(body)) });
  await writeAtomically(join(directory, AUDIT_SET_FILE), Buffer.from(json));
  const kept = new Set(body.features.map(({ file }) => file));
  for (const name of await fs.readdir(directory)) {
    if (/^audit-set-\d+-[0-9a-f]{16}\.bin$/.test(name) && !kept.has(name)) {
      await io(name, () => fs.rm(join(directory, name), { force: true }));
    }
  }
}

/**
 * Reads what {@link saveAuditSet} wrote and checks every byte against its SHA-256.
 *
 * @throws DpError `DP_IO` when there is no audit set, `DP_CORRUPT`, naming the file, when one is truncated,
 * altered, missing or not of this schema.
 */
export async function loadAuditSet(directory: string): Promise<LoadedAuditSet> {
  const { join } = await import('node:path');
  const fs = await import('node:fs/promises');
  const text = await io(join(directory, AUDIT_SET_FILE), () =>
    fs.readFile(join(directory, AUDIT_SET_FILE), 'utf8'),
  );
  const body = await parseManifest(text);
  const features: FeatureArray[] = [];
  for (const entry of body.features) {
    const bytes = await fs.readFile(join(directory, entry.file)).catch((cause) => {
      throw corrupt(entry.file, `the file named in ${AUDIT_SET_FILE} cannot be read`, cause);
    });
    if (bytes.length !== entry.bytes) {
      throw corrupt(entry.file, `expected ${entry.bytes} bytes, got ${bytes.length}: truncated or altered`);
    }
    if ((await sha256(bytes)) !== entry.sha256) {
      throw corrupt(entry.file, `its SHA-256 is not the one in ${AUDIT_SET_FILE}: altered since the run`);
    }
    // A copy, because a pooled Buffer need not be aligned to 4 bytes.
    const { buffer } = Uint8Array.from(bytes);
    features.push({ data: new DTYPES[entry.dtype](buffer), shape: entry.shape });
  }
  return {
    features,
    labels: Int32Array.from(body.examples, ({ label }) => label),
    member: Uint8Array.from(body.examples, ({ member }) => member),
    canary: Uint8Array.from(body.examples, ({ canary }) => canary),
    ids: body.examples.map(({ id }) => id),
    classes: body.classes,
    coins: body.coins,
  };
}

async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const fs = await import('node:fs/promises');
  const temporary = `${path}.${process.pid}.tmp`;
  await io(path, async () => {
    await fs.rm(temporary, { force: true }); // left by a crash, perhaps with another mode
    const handle = await fs.open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
      await fs.rename(temporary, path);
    } catch (error) {
      await fs.rm(temporary, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
  });
}

async function io<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new DpError('DP_IO', `${path}: ${message}. Check that it exists, is yours and the disk has room.`, {
      cause,
    });
  }
}
