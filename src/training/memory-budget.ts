import * as tf from '@tensorflow/tfjs-core';

const MIB = 2 ** 20;
/** Where a runtime does not say what it has. */
const UNKNOWN = 512 * MIB;
/** wasm addresses 4 GiB; malloc's pieces do not fill it to the brim. */
const WASM_HEAP = 3.5 * 1024 * MIB;
/** Kernels' scratch, what the runtime collects late, and whatever else the machine is asked for. */
const SHARE = 0.5;

/**
 * Bytes that tensors may take beyond those there are now: half of what this process may still use (in Node the
 * machine's or the container's free memory, in a page what the browser says it has), and what the backend can hold.
 *
 * A property of the machine, read once: nothing about the data goes into it.
 */
export function memoryBudget(): number {
  const free = freeBytes();
  const backend = tf.getBackend();
  if (backend === 'webgl' || backend === 'webgpu') return Math.min(free * SHARE, UNKNOWN);
  const held = tf.memory().numBytes;
  return backend === 'wasm' ? Math.min(free * SHARE, Math.max(0, WASM_HEAP - held)) : free * SHARE;
}

function freeBytes(): number {
  const node = globalThis.process as (NodeJS.Process & { availableMemory?: () => number }) | undefined;
  if (typeof node?.getBuiltinModule === 'function') {
    // availableMemory knows the container's limit; it came with Node 20.13.
    const machine = node.getBuiltinModule('node:os').freemem();
    const allowed = node.availableMemory?.() ?? machine;
    return allowed > 0 ? Math.min(allowed, cgroupFree(node) ?? allowed) : machine;
  }
  const page = globalThis as {
    performance?: { memory?: { jsHeapSizeLimit: number; usedJSHeapSize: number } };
    navigator?: { deviceMemory?: number };
  };
  const heap = page.performance?.memory;
  if (heap !== undefined) return heap.jsHeapSizeLimit - heap.usedJSHeapSize;
  // Gibibytes, rounded down to a power of two, of which a page gets a part.
  const device = page.navigator?.deviceMemory;
  return device === undefined ? 2 * UNKNOWN : (device * 1024 * MIB) / 4;
}

/** What the container may still use, where the files of cgroup v2 say so. */
function cgroupFree(node: NodeJS.Process): number | undefined {
  try {
    const { readFileSync } = node.getBuiltinModule('node:fs');
    const number = (name: string) => Number(readFileSync(`/sys/fs/cgroup/${name}`, 'utf8').trim());
    const free = number('memory.max') - number('memory.current');
    return Number.isFinite(free) && free > 0 ? free : undefined;
  } catch {
    return undefined;
  }
}
