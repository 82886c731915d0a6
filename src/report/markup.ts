/** HTML that was built by {@link html}: safe to place inside other HTML as it is. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** What a template accepts: text is escaped, markup is not, lists are joined, nothing is left out in silence. */
export type Content = Markup | string | number | undefined | readonly Content[];

/**
 * Template tag for HTML: every interpolated string is escaped, for elements and for quoted attributes alike;
 * only {@link Markup} passes as it is. Attribute values have to stand in double quotes.
 *
 * @example
 * html`<p title="${title}">${name}</p>`
 */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  let text = strings[0]!;
  for (const [i, value] of values.entries()) text += render(value) + strings[i + 1]!;
  return new Markup(text);
}

/** Text from a trusted renderer (an SVG of the plot library) taken as markup. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

function render(content: Content): string {
  if (content === undefined) return '';
  if (content instanceof Markup) return content.text;
  if (Array.isArray(content)) return (content as readonly Content[]).map(render).join('');
  return escapeHtml(String(content));
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
