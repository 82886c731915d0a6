import { createHash } from 'node:crypto';
import { parseHTML } from 'linkedom';
import { beforeAll, describe, expect, it } from 'vitest';
import { sampleComparison, sampleReport } from '../../test/fixtures/sample-report.js';
import { parseReport, type ReportInput } from './document.js';
import { renderHtml } from './html.js';
import { PRIVATE_LABEL } from './html-figure.js';
import { html, trusted } from './markup.js';

let page: string;
let document: Document;
beforeAll(async () => {
  page = await renderHtml(sampleReport());
  document = parseHTML(page).document as unknown as Document;
});

const all = (selector: string) => [...document.querySelectorAll(selector)];

describe('the page is one offline file', () => {
  it('fetches nothing and runs nothing', () => {
    expect(page).not.toMatch(
      /https?:\/\/|\/\/[a-z]+\.[a-z]|url\(|@import|<(?:link|iframe|img|object|embed)\b/i,
    );
    expect(page).not.toMatch(/\son[a-z]+="|javascript:/i);
    const scripts = all('script');
    expect(scripts).toHaveLength(1);
    expect(scripts[0]!.getAttribute('type')).toBe('application/json');
  });

  it('forbids everything but its own style sheet', () => {
    const policy = document
      .querySelector('meta[http-equiv="Content-Security-Policy"]')!
      .getAttribute('content')!;
    const [style] = /<style>([\s\S]*?)<\/style>/.exec(page)!.slice(1);
    const hash = createHash('sha256').update(style!).digest('base64');
    expect(policy).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`,
    );
    expect(all('style')).toHaveLength(1);
    expect(all('[style]')).toHaveLength(0);
  });

  it('carries the document', () => {
    const json = JSON.parse(document.querySelector('#report-data')!.textContent!);
    expect(parseReport(json)).toEqual(parseReport(sampleReport()));
  });
});

describe('the page can be read without seeing it', () => {
  it('has a language, a title, landmarks and one h1', () => {
    expect(document.documentElement.getAttribute('lang')).toBe('en');
    expect(document.title).toBe(sampleReport().title);
    for (const landmark of ['header', 'nav', 'main', 'footer'])
      expect(all(landmark).length).toBeGreaterThan(0);
    expect(all('h1')).toHaveLength(1);
    for (const section of all('main > section')) {
      expect(section.querySelector('h2')!.id).toBe(section.getAttribute('aria-labelledby'));
    }
  });

  it('gives every table a caption and scopes, every row as many cells as columns', () => {
    for (const table of all('table')) {
      expect(table.querySelector('caption')!.textContent!.length).toBeGreaterThan(5);
      const columns = [...table.querySelectorAll('thead th')];
      expect(columns.every((cell) => cell.getAttribute('scope') === 'col')).toBe(true);
      for (const row of table.querySelectorAll('tbody tr')) {
        expect(row.children).toHaveLength(columns.length);
        expect(row.children[0]!.getAttribute('scope')).toBe('row');
      }
    }
  });

  it('gives every drawing a role, a title, a description and its numbers in a table', () => {
    const figures = all('figure');
    // Three ROCs, four histograms, three curves.
    expect(figures).toHaveLength(10);
    for (const figure of figures) {
      const drawings = [...figure.querySelectorAll('svg[role="img"]')];
      expect(drawings).toHaveLength(2);
      for (const drawing of drawings) {
        const [title, description] = drawing.getAttribute('aria-labelledby')!.split(' ');
        expect(drawing.querySelector(`#${title}`)!.textContent!.length).toBeGreaterThan(3);
        expect(drawing.querySelector(`#${description}`)!.textContent!.length).toBeGreaterThan(30);
      }
      expect(figure.querySelectorAll('details table tbody tr').length).toBeGreaterThan(2);
    }
  });

  it('has unique ids, and links that lead somewhere', () => {
    const ids = all('[id]').map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const link of all('a[href^="#"]')) expect(ids).toContain(link.getAttribute('href')!.slice(1));
  });
});

describe('what the page says', () => {
  it('labels every figure of private values, and no other', () => {
    for (const figure of all('figure')) {
      const isPrivate = /ROC|^roc|^scores|^curve-loss/i.test(figure.id);
      expect(figure.textContent!.includes(PRIVATE_LABEL)).toBe(isPrivate);
    }
    for (const box of all('.card .attack')) expect(box.textContent).toContain(PRIVATE_LABEL);
    expect(document.querySelector('#audit .section-head')!.textContent).toContain(PRIVATE_LABEL);
  });

  it('draws the ceiling of the claim, and says where it is', () => {
    const figure = document.querySelector('#roc-loss-all')!;
    expect(figure.textContent).toContain('Ceiling of ε\u00a0≤\u00a03.00');
    const drawing = figure.querySelector('.wide svg')!;
    expect(
      drawing.querySelectorAll('path[stroke-dasharray="6 4"], [stroke-dasharray="6 4"] path'),
    ).toHaveLength(1);
    const ceilings = [...figure.querySelectorAll('tbody tr')].map((row) => row.children[3]!.textContent);
    expect(ceilings).toContain('20.0\u00a0%');
  });

  it('keeps every curve inside its axes', () => {
    for (const path of all('.wide svg path[d]')) {
      const drawing = path.closest('svg')!;
      const [, , width, height] = drawing.getAttribute('viewBox')!.split(' ').map(Number);
      if (path.getAttribute('transform') !== null) continue;
      const numbers = [...path.getAttribute('d')!.matchAll(/(-?[\d.]+),(-?[\d.]+)/g)];
      for (const [, x, y] of numbers) {
        expect(Number(x)).toBeGreaterThanOrEqual(0);
        expect(Number(x)).toBeLessThanOrEqual(width!);
        expect(Number(y)).toBeGreaterThanOrEqual(0);
        expect(Number(y)).toBeLessThanOrEqual(height!);
      }
    }
  });

  it('draws accuracy against ε, ∞ included, every tick labelled', async () => {
    const compared = parseHTML(await renderHtml(sampleComparison())).document;
    const figure = compared.querySelector('#accuracy-against-epsilon')!;
    const labels = [...figure.querySelectorAll('.wide svg text')].map((text) => text.textContent);
    for (const label of ['0.996', '3.00', '8.00', '∞']) expect(labels).toContain(label);
    expect(compared.querySelector('#audit')).toBeNull();
  });

  it('leaves out what the report does not have', async () => {
    const { runs, ...rest } = sampleReport();
    const bare: ReportInput = { ...rest, runs: runs.slice(0, 1), curves: [], audits: [], notes: [] };
    const { document: small } = parseHTML(await renderHtml(bare));
    expect(small.querySelectorAll('figure')).toHaveLength(0);
    expect(small.querySelector('#meaning')).toBeNull();
    expect(small.querySelector('#audit')).toBeNull();
  });
});

describe('hostile text', () => {
  const evil = `"><img src=x onerror=alert(1)></script><script>alert(2)</script><!--'&`;

  it('is shown, not run, wherever it stands', async () => {
    const report = parseReport(sampleReport());
    report.title = evil;
    report.summary = evil;
    report.notes = [evil];
    report.versions[evil] = evil;
    report.backend.reason = evil;
    report.dataset = { ...report.dataset, name: evil, description: evil };
    for (const run of report.runs) run.name = run.group = run.sampler = evil;
    for (const run of report.runs) if (run.privacy !== 'not private') run.privacy.statement = evil;
    for (const curve of report.curves) curve.on = evil;
    for (const { result } of report.audits) {
      result.subject = result.attacker = result.seed = result.verdict.reason = evil;
      result.notes = [evil];
    }
    const text = await renderHtml(report);
    const { document: shown } = parseHTML(text);
    expect(shown.querySelectorAll('img')).toHaveLength(0);
    expect(shown.querySelectorAll('script')).toHaveLength(1);
    expect(shown.querySelector('h1')!.textContent).toBe(evil);
    expect(text).not.toContain('<img');
    expect(JSON.parse(shown.querySelector('#report-data')!.textContent!).title).toBe(evil);
  });

  it('is escaped in elements and attributes; markup is not escaped twice', () => {
    expect(html`<p title="${`"'<`}">${'a & b'}${[1, trusted('<b>c</b>')]}${undefined}</p>`.text).toBe(
      '<p title="&quot;&#39;&lt;">a &amp; b1<b>c</b></p>',
    );
  });
});
