import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as api from 'privacy-accounting';
import { describe, expect, it } from 'vitest';
import * as questions from '../src/questions/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = readdirSync(`${root}/src`, { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
);

describe('the package', () => {
  it('imports nothing but itself and its FFT: no Node built-in, no cycle of packages', () => {
    expect(sources.length).toBeGreaterThan(20);
    for (const name of sources) {
      const text = readFileSync(`${root}/src/${name}`, 'utf8');
      for (const [, specifier] of text.matchAll(/\bfrom\s+'([^']+)'|\bimport\(\s*'([^']+)'/g)) {
        expect(specifier, name).toMatch(/^\.\.?\/.*\.js$|^fft\.js$/);
      }
      expect(text, name).not.toMatch(/\b(process|Buffer|require|globalThis|Math\.random|Date)\b[.(]/);
    }
    const manifest = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
    expect(Object.keys(manifest.dependencies)).toEqual(['fft.js']);
  });

  it('hides no question behind a name of another room', () => {
    for (const [name, value] of Object.entries(questions)) {
      expect((api as Record<string, unknown>)[name], name).toBe(value);
    }
  });

  it('exports what it promises', () => {
    expect(Object.keys(api).sort()).toEqual([
      'ACCOUNTANT_NAMES',
      'ApproximateAccountant',
      'CertifiedPldAccountant',
      'CltAccountant',
      'ComposedLoss',
      'ComposingAccountant',
      'DEFAULT_ORDERS',
      'DP_EVENT_TYPES',
      'DpError',
      'EVENT_SCHEMA',
      'GdpAccountant',
      'MAX_EVENT_DEPTH',
      'MAX_GROUP_SIZE',
      'NEIGHBORING_RELATIONS',
      'PldAccountant',
      'PrivacyFilter',
      'PrivacyOdometer',
      'PureAccountant',
      'RdpAccountant',
      'UNKNOWN_NAMES',
      'ZcdpAccountant',
      'adaptiveClip',
      'advancedDelta',
      'advancedEpsilon',
      'amplifiedByPoissonSampling',
      'attributeInferenceSuccess',
      'bandedSensitivity',
      'basicComposition',
      'bltCoefficients',
      'bltSensitivity',
      'calibrate',
      'calibrateNoiseMultiplier',
      'cltPoissonMu',
      'cltUniformMu',
      'compareAccountants',
      'composed',
      'curveOfLoss',
      'cyclicPoisson',
      'delta',
      'deltaCurve',
      'deltaCurveOf',
      'deltaCurveThrough',
      'deltaOf',
      'discreteGaussian',
      'discreteLaplace',
      'discreteLaplaceRdp',
      'effectiveNoiseMultiplier',
      'epsilon',
      'epsilonCurve',
      'epsilonDelta',
      'epsilonOf',
      'epsilonOverSteps',
      'eventDocument',
      'exponentialMechanism',
      'exponentialMechanismRdp',
      'fixedEpochSensitivity',
      'forGroup',
      'gaussian',
      'gaussianDelta',
      'gaussianEpsilon',
      'gaussianLogDelta',
      'gaussianMu',
      'gaussianRdp',
      'gaussianTradeOff',
      'gdpMuOf',
      'gnMax',
      'gnMaxDataDependentRdp',
      'gnMaxLogOther',
      'gnMaxRdp',
      'gramSensitivity',
      'groupRdp',
      'jsonNumber',
      'laplace',
      'laplaceRdp',
      'matrixMechanism',
      'membershipAdvantage',
      'membershipSuccess',
      'mixtureOfGaussians',
      'mixtureOfGaussiansRdp',
      'noOp',
      'nonPrivate',
      'optimalDelta',
      'optimalEpsilon',
      'pairForMechanism',
      'parseEvent',
      'poisonedProbability',
      'poissonGaussianRdp',
      'poissonLaplaceRdp',
      'poissonSampled',
      'posteriorCeiling',
      'privacyStatement',
      'pureDpRdp',
      'randomAllocation',
      'randomAllocationDelta',
      'randomAllocationEpsilon',
      'randomizedResponse',
      'randomizedResponseRdp',
      'rdpToDelta',
      'rdpToEpsilon',
      'readMechanisms',
      'reconstructionSuccess',
      'remaining',
      'repeatAndSelect',
      'repeatAndSelectRdp',
      'reportNoisyMax',
      'requireParticipation',
      'requireRelation',
      'sampledWithReplacement',
      'sampledWithoutReplacement',
      'selfComposed',
      'shuffleDeltaFloor',
      'shuffled',
      'singleEpochTreeAggregation',
      'singleEpochTreeSquare',
      'sumNoiseMultiplier',
      'toeplitzSensitivity',
      'tradeOffOf',
      'tradeOffOfAccountant',
      'treeNoRestartSquare',
      'treeRestartSquare',
      'truncatedPoissonSampled',
      'tunedEvent',
      'tuningCost',
      'unsupported',
      'vectorDiscreteGaussian',
      'withoutReplacementGaussianRdp',
      'zCDP',
      'zcdpToDelta',
      'zcdpToEpsilon',
    ]);
  });

  it('has a README whose example runs and prints what it says', () => {
    const readme = readFileSync(`${root}/README.md`, 'utf8');
    const blocks = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code!);
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) {
      const body = block.replace(/import \{([^}]*)\} from 'privacy-accounting';/, 'const {$1} = api;');
      expect(body).not.toMatch(/^import/m);
      const printed: string[] = [];
      new Function('api', 'console', body)(api, { log: (value: unknown) => printed.push(String(value)) });
      const promised = [...block.matchAll(/console\.log\(.*\/\/ (.+)$/gm)].map(([, text]) => text!);
      expect(printed.length).toBe(promised.length);
      for (const [i, text] of promised.entries()) expect(printed[i]).toContain(text.replace(/…$/, ''));
    }
  });
});
