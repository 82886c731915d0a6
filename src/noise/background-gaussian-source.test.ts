/**
 * The thread runs the TypeScript source through tsx. Fixed limits on secure samples: the chance of failing is stated.
 */
import { spawnSync } from 'node:child_process';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { backgroundGaussianSource } from './background-gaussian-source.js';

/** Runs TypeScript in the thread, whatever the version of Node. */
const worker = new URL(
  `data:text/javascript,import { register } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))}; register();` +
    `await import(${JSON.stringify(new URL('background-worker.ts', import.meta.url).href)});`,
);
const open: { close(): void }[] = [];
afterEach(() => {
  for (const source of open.splice(0)) source.close();
  vi.restoreAllMocks();
});

function make(options: Parameters<typeof backgroundGaussianSource>[0]) {
  const source = backgroundGaussianSource({ worker, ...options });
  open.push(source);
  return source;
}

/** Fills until the thread has delivered: it takes a moment to start. */
async function started(samples: number) {
  const source = make({ samples, minimumSize: 1 });
  const out = new Float32Array(1);
  for (let i = 0; source.samplesAhead === 0; i++) {
    if (i > 500) throw new Error(`The thread did not start: ${source.threadError?.message}`);
    source.fill(out, 1);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return source;
}

describe('backgroundGaussianSource', () => {
  it('gives N(0, sd²) from both threads, no sample twice (fails by chance with probability ≤ 1e-9)', async () => {
    const source = await started(200_000);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = source.samplesAhead;
    const out = new Float32Array(400_000);
    source.fill(out, 2.5);
    const ahead = source.samplesAhead - before;
    expect(ahead).toBeGreaterThan(100_000);
    expect(source.wordsConsumed).toBeGreaterThanOrEqual(2 * 400_000);
    expect(out.includes(0)).toBe(false);
    // The two halves, of whatever thread, against each other and against N(0, 1).
    const [sums, n] = [[0, 0, 0, 0, 0], 200_000];
    for (let i = 0; i < n; i++) {
      const [x, y] = [out[i]! / 2.5, out[i + n]! / 2.5];
      sums[0]! += (x + y) / Math.SQRT2;
      sums[1]! += (x * x + y * y - 2) / 2;
      sums[2]! += x * y;
      sums[3]! += ((x * x - 1) * (y * y - 1)) / 2;
      sums[4]! += (x ** 4 + y ** 4 - 6) / Math.sqrt(192);
    }
    // |z| > 6.36 has probability 2e-10.
    for (const sum of sums) expect(Math.abs(sum) / Math.sqrt(n)).toBeLessThan(6.36);
    // 400,000 samples of 2²⁴ and more values: a slot that came twice would show as 8,192 repeated runs.
    const pairs = new Set<string>();
    for (let i = 0; i + 1 < out.length; i += 2) pairs.add(`${out[i]} ${out[i + 1]}`);
    expect(pairs.size).toBeGreaterThan(200_000 - 10);
  });

  it('never leaves a value in place, whatever is ready, over many steps', async () => {
    const source = await started(50_000);
    const sizes = [1, 10, 8191, 8192, 8193, 40_000];
    for (let step = 0; step < 40; step++) {
      const out = new Float32Array(sizes[step % sizes.length]!).fill(Number.NaN);
      source.fill(out, 1 + step);
      expect(out.every(Number.isFinite)).toBe(true);
      expect(out.includes(0)).toBe(false);
    }
  });

  it('differs from source to source: each thread has a stream of its own', async () => {
    const [a, b] = [await started(20_000), await started(20_000)];
    const [first, second] = [new Float32Array(16_384), new Float32Array(16_384)];
    a.fill(first, 1);
    b.fill(second, 1);
    const shared = new Set(first);
    // About 16 floats coincide by chance; one slot in common would be 8,192.
    expect(second.filter((value) => shared.has(value)).length).toBeLessThan(500);
  });

  it('draws inline after it was closed, and where there is no thread', async () => {
    const source = await started(20_000);
    source.close();
    const ahead = source.samplesAhead;
    const out = new Float32Array(1000);
    source.fill(out, 1);
    expect(source.samplesAhead).toBe(ahead);
    expect(out.includes(0)).toBe(false);

    vi.spyOn(process, 'getBuiltinModule').mockImplementation(((name: string) =>
      name === 'node:worker_threads' ? undefined : process.mainModule?.require(name)) as never);
    const alone = make({ samples: 1e6 });
    alone.fill(out, 1);
    expect(alone.samplesAhead).toBe(0);
    expect(out.includes(0)).toBe(false);
  });

  it('starts no thread for few samples, nor before it is used', () => {
    const spy = vi.spyOn(process, 'getBuiltinModule');
    const small = make({ samples: 99_999 });
    make({ samples: 1e6 });
    small.fill(new Float32Array(10), 1);
    expect(spy.mock.calls.filter(([name]) => name === 'node:worker_threads')).toEqual([]);
  });

  it('goes on when its thread dies, and says why', async () => {
    const source = make({
      samples: 1e6,
      worker: new URL('./gone.js', import.meta.url),
    });
    const out = new Float32Array(100);
    source.fill(out, 1);
    for (let i = 0; source.threadError === undefined && i < 500; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(source.threadError?.message).toMatch(/gone\.js/);
    out.fill(0);
    source.fill(out, 1);
    expect(out.includes(0)).toBe(false);
    expect(source.samplesAhead).toBe(0);
  });

  it('goes on when no thread can be started, and says why', () => {
    const source = make({ samples: 1e6, worker: new URL('https://example.org/worker.js') });
    const out = new Float32Array(100);
    source.fill(out, 1);
    expect(source.threadError).toBeInstanceOf(Error);
    expect(out.includes(0)).toBe(false);
  });

  it('does not keep the process alive', () => {
    const code =
      "import { backgroundGaussianSource } from './src/noise/background-gaussian-source.ts';" +
      'backgroundGaussianSource({ samples: 1e6 }).fill(new Float32Array(10), 1); console.log("done");';
    const { stdout, status } = spawnSync(
      process.execPath,
      ['--import', 'tsx/esm', '--input-type=module', '-e', code],
      {
        encoding: 'utf8',
        timeout: 50_000,
      },
    );
    expect(stdout).toBe('done\n');
    expect(status).toBe(0);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses a standard deviation of %d',
    (standardDeviation) => {
      const out = new Float32Array(3).fill(7);
      expect(() => make({ samples: 10 }).fill(out, standardDeviation)).toThrow(
        expect.objectContaining({ code: 'DP_INVALID_ARGUMENT' }),
      );
      expect([...out]).toEqual([7, 7, 7]);
    },
  );

  it('takes a standard deviation of 0, and refuses a number of samples that is none', () => {
    const out = new Float32Array(3).fill(7);
    make({ samples: 10 }).fill(out, 0);
    expect([...out]).toEqual([0, 0, 0]);
    expect(() => make({ samples: 0 })).toThrow(/whole number/);
    expect(() => make({ samples: 10 }).fill(new Float64Array(3) as never, 1)).toThrow(/Float32Array/);
  });
});
