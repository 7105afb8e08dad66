import stringWidth from 'string-width';
import type { TextOutput } from './io';

/**
 * Characters that move the cursor, change the terminal or the order of the text beside them: controls, bidirectional
 * marks, invisible formatting, line separators, lone surrogates. The two joiners are kept: scripts and emoji need them.
 */
const UNSAFE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

function escapeUnits(text: string): string {
  return Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
    '',
  );
}

/** A string of unknown origin, safe to show in a terminal. */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE, escapeUnits);
}

/** Names of commands, options and columns. */
const WORDS = /^-{0,2}[A-Za-z]{1,16}(?:[ _-][A-Za-z]{1,16}){0,4}$/;

/** True if a string consists of words and can be repeated. Other strings may be a secret in the wrong place. */
export function isPlainWords(text: string): boolean {
  return WORDS.test(text);
}

/** An unknown thing, with its name if that can be repeated: `command "foo"`, else `such command`. */
export function named(thing: string, name: string): string {
  return isPlainWords(name) ? `${thing} ${JSON.stringify(name)}` : `such ${thing}`;
}

/** A value as JSON on one line. The escapes are JSON's own, so programs read the stored value. */
export function toJson(value: unknown): string {
  return escapeControls(JSON.stringify(value));
}

/** SGR parameters (ECMA-48) that set a color and reset it. */
const COLORS = { red: [31, 39], green: [32, 39], yellow: [33, 39], dim: [2, 22] } as const;
export type Color = keyof typeof COLORS;

/** How an output is formatted. */
export interface Style {
  /** Width of the terminal, or infinity if the output is none. */
  readonly width: number;
  /** True if times are relative ("in 3 days"), false if they are ISO 8601. */
  readonly relative: boolean;
  color(color: Color, text: string): string;
}

const DEFAULT_WIDTH = 80;

/** The style of an output. Colors only on terminals, and not if `NO_COLOR` is set (https://no-color.org). */
export function styleOf(output: TextOutput, env: Readonly<Record<string, string | undefined>>): Style {
  const isTerminal = output.isTTY === true;
  const hasColor = isTerminal && !env.NO_COLOR && env.TERM !== 'dumb';
  const stated = Number(env.COLUMNS);
  const columns = stated > 0 ? stated : (output.columns ?? DEFAULT_WIDTH);
  return {
    width: isTerminal ? columns : Number.POSITIVE_INFINITY,
    relative: isTerminal,
    color(color, text) {
      const [set, reset] = COLORS[color];
      return hasColor && text !== '' ? `\u001b[${set}m${text}\u001b[${reset}m` : text;
    },
  };
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** A string of at most `width` columns, with an ellipsis if something is left out. */
function truncate(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  for (const { segment } of graphemes.segment(text)) {
    if (stringWidth(kept + segment) > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

export interface Column {
  readonly heading: string;
  /** The column can be truncated to this width. Default: it is never truncated. */
  readonly minimum?: number;
  /** True if the column is left out before others are truncated. */
  readonly optional?: boolean;
}

/** A cell, and its color. */
export type Cell = string | readonly [text: string, color: Color];

const GAP = 2;

const textOf = (cell: Cell | undefined) => escapeControls(typeof cell === 'object' ? cell[0] : (cell ?? ''));
const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each + GAP, -GAP);

/** Column widths that fit, by index. Columns that are left out are not in the result. */
function fitWidths(columns: readonly Column[], natural: readonly number[], width: number): Map<number, number> {
  const widths = new Map(natural.map((each, index) => [index, each]));
  const tooWide = () => sum([...widths.values()]) - width;
  for (let index = columns.length - 1; index >= 0; index -= 1) {
    if (tooWide() > 0 && columns[index]?.optional) widths.delete(index);
  }
  // The widest column that can be truncated gives way first.
  for (let excess = tooWide(); excess > 0; excess -= 1) {
    const [widest] = [...widths]
      .filter(([index, each]) => each > (columns[index]?.minimum ?? Number.POSITIVE_INFINITY))
      .sort(([, one], [, other]) => other - one);
    if (widest === undefined) break;
    widths.set(widest[0], widest[1] - 1);
  }
  return widths;
}

/** Rows under their headings. On a terminal, columns are left out or truncated until the table fits. */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[], style: Style): string {
  const natural = columns.map(({ heading }, index) =>
    rows.reduce((most, row) => Math.max(most, stringWidth(textOf(row[index]))), heading.length),
  );
  const widths = [...fitWidths(columns, natural, style.width)];
  const line = (row: readonly Cell[]) =>
    widths
      .map(([index, width], position) => {
        const cell = row[index];
        const text = truncate(textOf(cell), width);
        const padding = position === widths.length - 1 ? '' : ' '.repeat(Math.max(0, width - stringWidth(text)));
        return (typeof cell === 'object' ? style.color(cell[1], text) : text) + padding;
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  const headings = columns.map(({ heading }): Cell => [heading, 'dim']);
  return [headings, ...rows].map((row) => `${line(row)}\n`).join('');
}

/** Names and values, one pair a line. */
export function fields(entries: readonly (readonly [name: string, value: Cell])[], style?: Style): string {
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries
    .map(([name, value]) => {
      const text = textOf(value);
      const shown = typeof value === 'object' && style ? style.color(value[1], text) : text;
      return `${name.padEnd(width)}  ${shown}\n`;
    })
    .join('');
}
