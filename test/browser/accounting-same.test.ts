/**
 * The accountant computes the same in Chromium as in Node. Runs in Node, and drives the browser from there: the package
 * is bundled for browsers as it is published, loaded into an empty page, and asked the same questions.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright';
import * as here from 'privacy-accounting';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CHROMIUM_FLAGS, findChromium } from './find-chromium.js';

const entry = join(fileURLToPath(new URL('../..', import.meta.url)), 'privacy-accounting/src/index.ts');
/** exp and log of two engines may differ in the last place. */
const RELATIVE = 1e-12;

let browser: Browser;
let page: Page;

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'accounting',
    platform: 'browser',
    logLevel: 'silent',
  });
  browser = await chromium.launch({ executablePath: findChromium(), args: [...CHROMIUM_FLAGS] });
  page = await browser.newPage();
  await page.addScriptTag({ content: outputFiles[0]!.text });
});

afterAll(() => browser?.close());

type Api = typeof here;

/** Runs in both places, and so sees nothing but its arguments. */
function ask(api: Api, name: string): readonly number[] {
  const step = (samplingProbability: number, noiseMultiplier: number) =>
    api.poissonSampled({ samplingProbability, event: api.gaussian({ noiseMultiplier }) });
  const relation = 'add-or-remove-one' as const;
  switch (name) {
    case 'pld': {
      const accountant = new api.PldAccountant({ relation }).compose(step(0.01, 1.1), 10_000);
      return [accountant.getEpsilon(1e-5).epsilon, accountant.getEpsilon(1e-15).epsilon];
    }
    case 'pld on a fixed grid': {
      const options = { relation, valueDiscretizationInterval: 1e-4 };
      const accountant = new api.PldAccountant(options).compose(step(0.01, 1.1), 10_000);
      return [accountant.getEpsilon(1e-5).epsilon, accountant.getDelta(4).delta];
    }
    case 'certified pld': {
      const event = api.composed([step(0.01, 1.1), api.laplace({ parameter: 4 })]);
      const accountant = new api.CertifiedPldAccountant({ relation }).compose(event, 100);
      const { lower, upper } = accountant.getEpsilonInterval(1e-6);
      return [lower.epsilon, upper.epsilon];
    }
    case 'rdp': {
      const accountant = new api.RdpAccountant({ relation }).compose(step(0.01, 1.1), 10_000);
      return [accountant.getEpsilon(1e-5).epsilon, accountant.getRdp(3.5)];
    }
    default: {
      const makeEvent = (sigma: number) => api.selfComposed({ count: 1000, event: step(0.01, sigma) });
      const target = { targetEpsilon: 1, delta: 1e-5, relation, accountant: 'rdp' as const };
      return [api.calibrateNoiseMultiplier({ makeEvent, ...target }).noiseMultiplier];
    }
  }
}

it.each(['pld', 'pld on a fixed grid', 'certified pld', 'rdp', 'calibration'])(
  '%s answers in Chromium what it answers in Node',
  async (name) => {
    const there = (await page.evaluate(
      `(${ask.toString()})(accounting, ${JSON.stringify(name)})`,
    )) as number[];
    const expected = ask(here, name);
    expect(there).toHaveLength(expected.length);
    for (const [i, value] of expected.entries()) {
      expect(value).toBeGreaterThan(0);
      expect(Math.abs(there[i]! / value - 1)).toBeLessThanOrEqual(RELATIVE);
    }
  },
);
