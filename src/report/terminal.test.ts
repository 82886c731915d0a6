import { afterEach, describe, expect, it, vi } from 'vitest';
import { sampleComparison, sampleReport } from '../../test/fixtures/sample-report.js';
import { parseReport } from './document.js';
import { PRIVATE_LABEL, renderAuditTerminal, renderHtml, renderTerminal } from './index.js';

// Nothing but an HTML page may load the plot library.
vi.mock('@observablehq/plot', () => {
  throw new Error('the plot library was loaded');
});

const ESCAPE = '\u001b';
afterEach(() => vi.unstubAllEnvs());

describe('renderTerminal', () => {
  const text = renderTerminal(sampleReport(), { columns: 120, color: false });

  it('shows runs, attacks, verdicts and what the guarantee means', () => {
    expect(text).toContain('ε ≤ 3.00 at δ = 10⁻⁵');
    expect(text).toContain('not private');
    expect(text).toMatch(/loss on canaries[^\n]*0\.99[^\n]*too few[^\n]*9\d\.\d %/);
    expect(text).toMatch(/✓ DP-SGD, 2,000 digits: Consistent with the claim/);
    expect(text).toMatch(/no attack that tries to tell/);
    expect(text).toContain(PRIVATE_LABEL);
    expect(text.endsWith('\n')).toBe(true);
  });

  it('loads no plot library, which a page needs', async () => {
    await expect(renderHtml(sampleReport())).rejects.toMatchObject({
      cause: { message: 'the plot library was loaded' },
    });
  });

  it.each([40, 80, 120, 200])('keeps table lines within %s columns', (columns) => {
    const lines = renderTerminal(sampleReport(), { columns, color: false }).split('\n');
    for (const line of lines.filter((one) => /[│┌├└]/.test(one))) {
      expect(line.length).toBeLessThanOrEqual(columns);
    }
  });

  it('becomes a list where the terminal is narrow, losing no number', () => {
    const narrow = renderTerminal(sampleReport(), { columns: 40, color: false });
    expect(narrow).not.toContain('│');
    for (const number of ['98.1 %', '94.5 %', '81.2 %', '73.4 %']) expect(narrow).toContain(number);
  });

  it('colours only when asked or on a terminal, and never under NO_COLOR', () => {
    expect(text).not.toContain(ESCAPE);
    expect(renderTerminal(sampleReport(), { color: true })).toContain(`${ESCAPE}[32m✓`);
    const descriptor = Object.getOwnPropertyDescriptor(process.stdout, 'isTTY');
    Object.defineProperty(process.stdout, 'isTTY', { value: true, configurable: true });
    try {
      vi.stubEnv('TERM', 'xterm');
      vi.stubEnv('NO_COLOR', '');
      expect(renderTerminal(sampleReport())).toContain(ESCAPE);
      vi.stubEnv('NO_COLOR', '1');
      expect(renderTerminal(sampleReport())).not.toContain(ESCAPE);
    } finally {
      if (descriptor === undefined) Reflect.deleteProperty(process.stdout, 'isTTY');
      else Object.defineProperty(process.stdout, 'isTTY', descriptor);
    }
  });

  it('says the same in the sign and in words, not in colour alone', () => {
    for (const [value, sign, words] of [
      ['violated', '✗', 'Claim violated'],
      ['inconclusive', '?', 'Inconclusive'],
    ] as const) {
      const report = parseReport(sampleReport());
      report.audits[1]!.result.verdict = { value, reason: 'because' };
      expect(renderTerminal(report, { color: false })).toContain(`${sign} DP-SGD, 2,000 digits: ${words}`);
    }
  });

  it('lets no text in the document steer the terminal', () => {
    const report = { ...sampleReport(), title: `evil${ESCAPE}[2J${ESCAPE}]0;x\u0007` };
    expect(renderTerminal(report, { color: false })).not.toContain(ESCAPE);
  });

  it('labels an accuracy that is a private value', () => {
    const report = sampleComparison();
    report.runs[0]!.accuracy = { ...report.runs[0]!.accuracy!, visibility: 'private value' };
    expect(renderTerminal(report, { color: false, columns: 140 })).toContain(PRIVATE_LABEL);
    expect(renderTerminal(sampleComparison(), { color: false })).not.toContain(PRIVATE_LABEL);
  });
});

describe('renderAuditTerminal', () => {
  it('shows one audit', () => {
    const { result } = sampleReport().audits![1]!;
    const text = renderAuditTerminal(parseReport(sampleReport()).audits[1]!.result, {
      color: false,
      columns: 100,
    });
    expect(text).toContain(result.subject);
    expect(text).toMatch(/Consistent with the claim/);
  });
});
