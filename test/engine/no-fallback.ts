/**
 * Observes whether the masked fallback serves a problem: on a second step, when the engine has checked itself, the
 * only backward passes with weights are the fallback's. A test of a rule that asks this fails when the rule is lost.
 */
import { expect, vi } from 'vitest';
import { BackwardPass } from '../../src/engine/backward.js';
import { PerExampleEngine } from '../../src/engine/index.js';
import { disposeResult, type Problem } from './one-example-loop.js';

/** How many weighted backward passes the second step of a problem takes; 0 where rules serve every parameter. */
export function maskedPasses(problem: Problem): number {
  const engine = new PerExampleEngine();
  const step = () =>
    disposeResult(engine.clippedSum(() => problem.loss(problem.data), problem.variables, { l2NormClip: 1 }));
  step();
  const spy = vi.spyOn(BackwardPass.prototype, 'parameterSums');
  try {
    step();
    return spy.mock.calls.length;
  } finally {
    spy.mockRestore();
  }
}

export function expectNoFallback(problem: Problem): void {
  expect(maskedPasses(problem), 'masked backward passes').toBe(0);
}
