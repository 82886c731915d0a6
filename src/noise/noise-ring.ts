/** Samples that are handed over together: 32 KiB. */
export const SLOT_SAMPLES = 8192;

/** Slots freed after which a waiting producer is woken, while the consumer goes on. */
const WAKE_EVERY = 16;

const EMPTY = 0;
const READY = 1;

/** Where the producer waits; the slots' states follow. */
const BELL = 0;
const FIRST_SLOT = 1;

/** The memory of a {@link NoiseRing}, to be handed to the other thread. */
export interface NoiseRingMemory {
  readonly states: SharedArrayBuffer;
  readonly samples: SharedArrayBuffer;
}

/** Memory for at least `samples` samples. */
export function noiseRingMemory(samples: number): NoiseRingMemory {
  const slots = Math.ceil(samples / SLOT_SAMPLES) + 1;
  return {
    states: new SharedArrayBuffer(4 * (FIRST_SLOT + slots)),
    samples: new SharedArrayBuffer(4 * SLOT_SAMPLES * slots),
  };
}

/**
 * A ring of slots in shared memory, from one thread that fills them with N(0, 1) samples to one that uses them.
 *
 * Each slot is EMPTY (the producer's) or READY (the consumer's); only its owner touches it, and hands it over by an
 * atomic store after the last write. So a sample is read complete or not at all, and once: it is overwritten with 0
 * before its slot goes back. A producer that dies leaves slots EMPTY, never half-filled ones READY.
 */
export class NoiseRing {
  readonly #states: Int32Array;
  readonly #samples: Float32Array;
  readonly #slots: number;
  /** The slot that this side works on next. */
  #slot = 0;
  /** Samples of it that the consumer has used. */
  #used = 0;
  #freed = 0;

  constructor(memory: NoiseRingMemory) {
    this.#states = new Int32Array(memory.states);
    this.#samples = new Float32Array(memory.samples);
    this.#slots = this.#states.length - FIRST_SLOT;
  }

  /** Producer: the next slot to be filled; blocks until there is one. Never on a thread that must not block. */
  awaitEmpty(): Float32Array {
    for (;;) {
      const bell = Atomics.load(this.#states, BELL);
      if (Atomics.load(this.#states, FIRST_SLOT + this.#slot) === EMPTY) return this.#current();
      Atomics.wait(this.#states, BELL, bell);
    }
  }

  /** Producer: hands over the slot that `awaitEmpty` gave. */
  publish(): void {
    Atomics.store(this.#states, FIRST_SLOT + this.#slot, READY);
    this.#slot = (this.#slot + 1) % this.#slots;
  }

  /**
   * Consumer: writes scale × fresh samples to `out` from `start` on, as far as they are ready; returns how many.
   * Undefined if there is a zero among them, which no sample is: the memory was damaged.
   */
  take(out: Float32Array, start: number, scale: number): number | undefined {
    let at = start;
    while (at < out.length && Atomics.load(this.#states, FIRST_SLOT + this.#slot) === READY) {
      const slot = this.#current();
      const end = Math.min(SLOT_SAMPLES, this.#used + out.length - at);
      if (!moveScaled(slot, this.#used, end, scale, out, at)) return undefined;
      at += end - this.#used;
      this.#used = end;
      if (end === SLOT_SAMPLES) this.#release();
    }
    if (this.#freed > 0) this.#ring();
    return at - start;
  }

  #release(): void {
    Atomics.store(this.#states, FIRST_SLOT + this.#slot, EMPTY);
    this.#slot = (this.#slot + 1) % this.#slots;
    this.#used = 0;
    if (++this.#freed >= WAKE_EVERY) this.#ring();
  }

  #ring(): void {
    this.#freed = 0;
    Atomics.add(this.#states, BELL, 1);
    Atomics.notify(this.#states, BELL);
  }

  #current(): Float32Array {
    return this.#samples.subarray(this.#slot * SLOT_SAMPLES, (this.#slot + 1) * SLOT_SAMPLES);
  }
}

/** Moves scaled samples, leaving zeros; false if a sample is 0. */
function moveScaled(
  slot: Float32Array,
  from: number,
  end: number,
  scale: number,
  out: Float32Array,
  at: number,
): boolean {
  let complete = true;
  const offset = at - from;
  for (let i = from; i < end; i++) {
    const sample = slot[i]!;
    slot[i] = 0;
    out[offset + i] = scale * sample;
    if (sample === 0) complete = false;
  }
  return complete;
}
