import type { Figure, LegendEntry } from './figure.js';
import { html, type Markup, trusted } from './markup.js';

/** What every private number is labelled with. */
export const PRIVATE_LABEL = 'private value: not covered by ε';

/** The label that a private value carries wherever it is shown: a word and a sign, not only a colour. */
export function privateBadge(): Markup {
  return html`<span class="badge private-value"><span aria-hidden="true">◆</span>${PRIVATE_LABEL}</span>`;
}

/**
 * A figure that can be read without being seen: role="img" with a title and a description, and its numbers in a
 * table under it. Drawn twice, for the page and for a telephone; the style sheet shows one.
 */
export function renderFigure(figure: Figure): Markup {
  const { id, title, description, caption, legend, table, svg } = figure;
  return html`<figure id="${id}">
<figcaption>
<div class="top"><h3>${title}</h3>${figure.private ? privateBadge() : undefined}</div>
<p>${caption}</p>
${legend.length > 0 ? html`<ul class="legend">${legend.map(legendItem)}</ul>` : undefined}
</figcaption>
<div class="drawing wide">${labelled(svg.wide, `${id}-w`, title, description)}</div>
<div class="drawing narrow">${labelled(svg.narrow, `${id}-n`, title, description)}</div>
<details><summary>Numbers<span class="vh"> of “${title}”</span></summary>
${renderTable({
  caption: `Numbers of “${title}”${table.cells === undefined ? '' : `: ${table.cells}`}`,
  columns: table.columns,
  rows: table.rows,
})}
</details>
</figure>`;
}

/** A table with a caption, scoped headers and a region that scrolls by keyboard. The first column is a header. */
export function renderTable({
  caption,
  columns,
  rows,
  words = [],
  stack = false,
}: {
  readonly caption: string | Markup;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | Markup)[])[];
  /** Columns of words, by index: set from the left. Others hold numbers and are set from the right. */
  readonly words?: readonly number[];
  /** On a telephone, show each row as a block of its own. */
  readonly stack?: boolean;
}): Markup {
  const numeric = (column: number) => (column === 0 || words.includes(column) ? undefined : html` class="n"`);
  const label = caption.toString().replaceAll(/<[^>]*>/g, '');
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0"><table class="${stack ? 'stack' : ''}">
<caption>${caption}</caption>
<thead><tr>${columns.map((column, i) => html`<th scope="col"${numeric(i)}>${column}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr>${row.map((cell, i) =>
        i === 0
          ? html`<th scope="row">${cell}</th>`
          : html`<td data-label="${columns[i] ?? ''}"${numeric(i)}>${cell}</td>`,
      )}</tr>`,
  )}</tbody>
</table></div>`;
}

function labelled(svg: string, id: string, title: string, description: string): Markup {
  const names = html`<title id="${id}-t">${title}</title><desc id="${id}-d">${description}</desc>`;
  return trusted(
    svg.replace(/^<svg([^>]*)>/, `<svg$1 role="img" aria-labelledby="${id}-t ${id}-d">${names}`),
  );
}

/** The sign by which figures show something: line pattern, mark and colour. */
export function swatchOf(style: LegendEntry['style']): Markup {
  return html`<svg width="34" height="16" viewBox="0 0 34 16" aria-hidden="true">${swatch(style)}</svg>`;
}

function legendItem({ label, style }: LegendEntry): Markup {
  return html`<li>${swatchOf(style)}${label}</li>`;
}

function swatch(style: LegendEntry['style']): Markup {
  if (typeof style === 'object' && 'ceiling' in style) {
    return html`<rect x="1" y="0" width="32" height="8" fill="${style.ceiling}" fill-opacity=".14"/><line x1="1" x2="33" y1="8" y2="8" stroke="${style.ceiling}" stroke-width="1.5" stroke-dasharray="6 4"/>`;
  }
  switch (style) {
    case 'chance':
      return html`<line x1="2" x2="33" y1="8" y2="8" stroke="var(--muted)" stroke-width="1.5" stroke-dasharray="1.5 4" stroke-linecap="round"/>`;
    case 'members':
      return html`<rect x="3" y="3" width="28" height="11" fill="currentColor" fill-opacity=".3"/>`;
    case 'non-members':
      return html`<path d="M3 14V3H31V14" fill="none" stroke="currentColor" stroke-width="1.75"/>`;
    default:
      return html`<line x1="1" x2="33" y1="8" y2="8" stroke="${style.color}" stroke-width="2.25" stroke-dasharray="${style.dash}"/><g fill="var(--card)" stroke="${style.color}" stroke-width="2">${MARKS[style.symbol]}</g>`;
  }
}

const MARKS = {
  circle: html`<circle cx="17" cy="8" r="4"/>`,
  square: html`<rect x="13.2" y="4.2" width="7.6" height="7.6"/>`,
  diamond: html`<path d="M17 2.6 22.4 8 17 13.4 11.6 8Z"/>`,
  triangle: html`<path d="M17 2.8 22 12H12Z"/>`,
  star: html`<path d="M17 2.2 18.5 6.2 22.6 6.4 19.4 9 20.5 13 17 10.7 13.5 13 14.6 9 11.4 6.4 15.5 6.2Z"/>`,
  times: html`<path d="M13 4 21 12M21 4 13 12"/>`,
} as const;
