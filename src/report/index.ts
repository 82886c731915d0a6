/**
 * Reports: one JSON document in; a table for a terminal, or one offline HTML page, out.
 *
 * Nothing is computed here that a guarantee or an audit should have computed: this folder draws. It holds no
 * wording of its own about ε that is not a theorem or a measurement (`sentences.ts`).
 *
 * Invariants: a bound is rounded to its safe side; private values are labelled where they are shown; the HTML
 * needs no network and no script, and everything in the document is escaped; every figure has its numbers in a
 * table; nothing is told by colour alone. Plots are loaded only when one is drawn.
 */
export {
  type Guarantee,
  parseReport,
  REPORT_SCHEMA,
  type Report,
  type ReportAudit,
  type ReportCurve,
  type ReportInput,
  type ReportRun,
  reportSchema,
} from './document.js';
export { renderHtml } from './html.js';
export { PRIVATE_LABEL } from './html-figure.js';
export { renderAuditTerminal, renderTerminal, type TerminalOptions } from './terminal.js';
