import { describe, expect, it } from 'vitest';
import { sampleReport } from '../../test/fixtures/sample-report.js';
import { tprCeiling } from '../audit/index.js';
import { type Guarantee, parseReport } from './document.js';
import {
  attackSentence,
  attackTitle,
  aucCeilingText,
  beatsGuessing,
  boundText,
  ceilingSentence,
  STANDING_LIMITS,
  verdictText,
} from './sentences.js';

const spaces = (text: string) => text.replaceAll('\u00a0', ' ').replaceAll('\u2060', '');
const bound = (epsilon: number | 'inf', relation: Guarantee['relation'] = 'add-or-remove-one') => ({
  privacy: { epsilon, delta: 1e-5, relation, unit: 'example', accountant: 'rdp', statement: '' },
});

describe('ceilingSentence', () => {
  it.each([0.01, 0.1, 1, 3, 5])('is a true statement at ε = %s', (epsilon) => {
    for (const fpr of [0.001, 0.01, 0.1]) {
      const said = /above ([\d.]+) %/.exec(spaces(ceilingSentence(bound(epsilon), fpr)))?.[1];
      expect(Number(said) / 100).toBeGreaterThanOrEqual(tprCeiling({ epsilon, delta: 1e-5 }, fpr));
      expect(Number(said) / 100).toBeLessThan(tprCeiling({ epsilon, delta: 1e-5 }, fpr) + 0.0011);
    }
  });

  it('says what the relation protects', () => {
    expect(ceilingSentence(bound(1), 0.01)).toMatch(/whether one given example was in the training data/);
    expect(ceilingSentence(bound(1, 'replace-one'), 0.01)).toMatch(/which of two given examples/);
    expect(ceilingSentence(bound(1, 'replace-special'), 0.01)).toMatch(/used or blanked out/);
  });

  it('owns up when the guarantee rules out next to nothing, or there is none', () => {
    expect(ceilingSentence(bound(8), 0.01)).toMatch(/next to nothing is ruled out/);
    expect(ceilingSentence(bound(1), 0.01)).not.toMatch(/next to nothing/);
    expect(ceilingSentence(bound('inf'), 0.01)).toMatch(/Nothing bounds/);
    expect(ceilingSentence({ privacy: 'not private' }, 0.01)).toMatch(/Nothing bounds/);
  });
});

describe('other sentences', () => {
  it('never turn ε into odds', () => {
    const texts = [
      ...STANDING_LIMITS,
      ceilingSentence(bound(1), 0.01),
      ceilingSentence(bound(1, 'replace-one'), 0.01),
      boundText(bound(1)),
    ];
    for (const text of texts) expect(text).not.toMatch(/odds|times (?:as|more) likely|e\^/i);
  });

  it('give ε its δ, and no number where there is no guarantee', () => {
    expect(spaces(boundText(bound(2.9931)))).toBe('ε ≤ 3.00 at δ = 10⁻⁵');
    expect(boundText(bound('inf'))).toMatch(/no guarantee/);
    expect(boundText({ privacy: 'not private' })).toBe('none');
    expect(aucCeilingText(bound(1))).toBe('0.74');
    expect(aucCeilingText(bound('inf'))).toBe('1');
  });
});

describe('audits in words', () => {
  const [leaky, safe] = parseReport(sampleReport()).audits.map(({ result }) => result);

  it('say what was found, with intervals', () => {
    const [attack] = leaky!.attacks;
    expect(attackTitle(attack!)).toBe('Loss attack on canaries');
    expect(attackSentence(attack!)).toMatch(/found 9\d\.\d/);
    expect(beatsGuessing(attack!)).toBe(true);
    expect(beatsGuessing(safe!.attacks[0]!)).toBe(false);
  });

  it('call a failed attack consistent, never proof; and a model without a claim neither', () => {
    expect(verdictText(safe!)).toMatchObject({ kind: 'consistent' });
    expect(verdictText(safe!).sentence).toMatch(/not a proof/);
    expect(verdictText(leaky!)).toMatchObject({ kind: 'no claim', label: 'No claim to test' });
    expect(verdictText({ ...safe!, verdict: { value: 'violated', reason: 'r' } }).label).toMatch(/violated/);
  });

  it('give no number where none could be measured', () => {
    const point = { resolvable: false as const, targetFpr: 0.001, reason: '' };
    expect(attackSentence({ ...safe!.attacks[0]!, points: [point] })).toMatch(/Too few/);
  });
});
