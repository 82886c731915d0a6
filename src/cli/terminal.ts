/** Where text goes: a process's stream, or a test's. */
export interface Output {
  readonly isTTY?: boolean;
  /** Width in characters, when it is a terminal. */
  readonly columns?: number;
  write(text: string): unknown;
}

/** The surroundings of a command: everything that it reads or writes besides files. */
export interface Terminal {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: AsyncIterable<Uint8Array | string> & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** How a word stands out, where that is wanted: never the only sign of anything. */
export type Emphasis = 'bold' | 'red' | 'green' | 'yellow' | 'dim';

const CODES: Readonly<Record<Emphasis, readonly [number, number]>> = {
  bold: [1, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  dim: [2, 22],
};

/**
 * Whether escape codes are wanted on `output`: NO_COLOR (https://no-color.org) forbids them, FORCE_COLOR asks for
 * them, and else a terminal that is not `dumb` has them.
 */
export function wantsColor(output: Output, env: Terminal['env']): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '') return env.FORCE_COLOR !== '0';
  return output.isTTY === true && env.TERM !== 'dumb';
}

/** Puts emphasis on text for stdout, or returns the text as it is. */
export type Paint = (text: string, emphasis: Emphasis) => string;

export function painter({ stdout, env }: Terminal): Paint {
  if (!wantsColor(stdout, env)) return (text) => text;
  return (text, emphasis) => {
    const [on, off] = CODES[emphasis];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  };
}

/** Columns that running text may fill: the terminal's, but a readable line at most. */
export function textWidth({ columns = 80 }: Output): number {
  return Math.max(40, Math.min(columns, 100));
}

/** Breaks a paragraph into lines of at most `width` characters, words longer than that excepted. */
export function wrap(paragraph: string, width: number, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of paragraph.split(/[ \n]+/).filter(Boolean)) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  if (line !== '') lines.push(indent + line);
  return lines.join('\n');
}

/** Lines of `label  value`, values in one column, long ones wrapped under it. */
export function facts(rows: readonly (readonly [label: string, value: string])[], width: number): string {
  const column = Math.max(...rows.map(([label]) => label.length)) + 4;
  return rows
    .map(([label, value]) => {
      const text = wrap(value, width, ' '.repeat(column)).slice(column);
      return `  ${label}${' '.repeat(column - label.length - 2)}${text}`;
    })
    .join('\n');
}

/** The one JSON object of `--json`. */
export function printJson(document: unknown, { stdout }: Terminal): void {
  stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}
