import { describe, expect, it } from 'vitest';
import { NoiseRing, noiseRingMemory, SLOT_SAMPLES } from './noise-ring.js';

/** A producer and a consumer over the same memory, with as many slots as `samples` needs, and one. */
function ring(samples: number) {
  const memory = noiseRingMemory(samples);
  let last = 0;
  const producer = new NoiseRing(memory);
  return {
    consumer: new NoiseRing(memory),
    memory,
    produce(slots: number) {
      for (let s = 0; s < slots; s++) {
        const slot = producer.awaitEmpty();
        for (let i = 0; i < slot.length; i++) slot[i] = ++last;
        producer.publish();
      }
    },
  };
}

describe('NoiseRing', () => {
  it('hands over every sample once, in order, across slots and around the ring', () => {
    const { consumer, produce } = ring(3 * SLOT_SAMPLES);
    let expected = 0;
    const out = new Float32Array(5000);
    for (let round = 0; round < 30; round++) {
      if (round % 3 === 0) produce(2);
      const taken = consumer.take(out, 0, 1)!;
      for (let i = 0; i < taken; i++) expect(out[i]).toBe(++expected);
    }
    // 20 slots were made; the last round took what was left of them, or 5,000.
    expect(expected).toBe(Math.min(20 * SLOT_SAMPLES, 30 * 5000));
  });

  it('scales, and writes from where it is told', () => {
    const { consumer, produce } = ring(10);
    produce(1);
    const out = new Float32Array(6).fill(-1);
    expect(consumer.take(out, 2, 0.5)).toBe(4);
    expect([...out]).toEqual([-1, -1, 0.5, 1, 1.5, 2]);
  });

  it('gives nothing that is not ready', () => {
    const { consumer, produce } = ring(10);
    const out = new Float32Array(2 * SLOT_SAMPLES).fill(-1);
    expect(consumer.take(out, 0, 1)).toBe(0);
    produce(1);
    expect(consumer.take(out, 0, 1)).toBe(SLOT_SAMPLES);
    expect(out.subarray(SLOT_SAMPLES).every((value) => value === -1)).toBe(true);
  });

  it('wipes what was taken, at once', () => {
    const { consumer, produce, memory } = ring(10);
    produce(2);
    consumer.take(new Float32Array(100), 0, 1);
    const samples = new Float32Array(memory.samples);
    expect(samples.subarray(0, 100).every((value) => value === 0)).toBe(true);
    expect(samples[100]).toBe(101);
    consumer.take(new Float32Array(2 * SLOT_SAMPLES), 0, 1);
    expect(samples.every((value) => value === 0)).toBe(true);
  });

  it('tells of a zero, which no sample is', () => {
    const { consumer, produce, memory } = ring(10);
    produce(1);
    new Float32Array(memory.samples)[77] = 0;
    expect(consumer.take(new Float32Array(50), 0, 1)).toBe(50);
    expect(consumer.take(new Float32Array(50), 0, 1)).toBeUndefined();
  });
});
