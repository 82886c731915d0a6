import { describe, expect, it } from 'vitest';
import { sampleReport } from '../../test/fixtures/sample-report.js';
import { epsilonOf, finiteGuarantee, parseReport, type ReportInput } from './document.js';

const minimal: ReportInput = {
  schema: 'tfjs-privacy/report/1',
  title: 't',
  created: '2026-01-01T00:00:00Z',
  versions: {},
  backend: { name: 'cpu' },
  dataset: { name: 'd', description: '' },
  runs: [{ id: 'a', name: 'A', private: false, privacy: 'not private', seconds: 1 }],
};
const guarantee = {
  epsilon: 'inf' as const,
  delta: 1e-5,
  relation: 'add-or-remove-one' as const,
  accountant: 'rdp',
  statement: 's',
};

describe('parseReport', () => {
  it('fills in what may be left out, and survives JSON', () => {
    const report = parseReport(minimal);
    expect(report).toMatchObject({ curves: [], audits: [], notes: [] });
    const full = parseReport(sampleReport());
    expect(parseReport(JSON.parse(JSON.stringify(full)))).toEqual(full);
  });

  it.each([
    [{ schema: 'tfjs-privacy/report/2' }, /at schema/],
    [{ runs: [] }, /at runs/],
    [{ runs: [minimal.runs[0], minimal.runs[0]] }, /same id/],
    [{ runs: [{ ...minimal.runs[0], id: 'a b' }] }, /at runs\.0\.id/],
    [{ runs: [{ ...minimal.runs[0], private: true }] }, /'a' is private but/],
    [{ runs: [{ ...minimal.runs[0], privacy: { ...guarantee, epsilon: null } }] }, /at runs\.0\.privacy/],
    [{ curves: [{ run: 'b', metric: 'loss', visibility: 'public', points: [] }] }, /at curves: no run.*'b'/],
    [{ curves: [{ run: 'a', metric: 'loss', points: [] }] }, /at curves\.0\.visibility/],
    [{ comparison: { runs: ['z'], caption: '' } }, /at comparison\.runs.*'z'/],
  ])('names what is wrong %#', (change, message) => {
    const act = () => parseReport({ ...minimal, ...change });
    expect(act).toThrow(expect.objectContaining({ code: 'DP_CORRUPT' }));
    expect(act).toThrow(message);
  });
});

describe('ε of a run', () => {
  it('is infinite without privacy, and for a run whose noise was seeded', () => {
    expect(epsilonOf('not private')).toBe(Number.POSITIVE_INFINITY);
    expect(epsilonOf({ ...guarantee, unit: 'example' })).toBe(Number.POSITIVE_INFINITY);
    expect(finiteGuarantee({ privacy: { ...guarantee, unit: 'example' } })).toBeUndefined();
    expect(finiteGuarantee({ privacy: { ...guarantee, unit: 'example', epsilon: 2 } })?.epsilon).toBe(2);
  });
});
