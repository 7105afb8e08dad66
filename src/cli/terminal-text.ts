/**
 * Characters that move the cursor, change the terminal or the order of what is beside them: controls, bidirectional
 * marks, invisible formatting, separators of lines, halves of pairs. The two joiners stay: writing and emoji need them.
 */
const UNSAFE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

function escapeUnits(text: string): string {
  return Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
    '',
  );
}

/** Text that others chose, such that a terminal only shows it. */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE, escapeUnits);
}

/** As names of commands, options and columns are. */
const WORDS = /^-{0,2}[A-Za-z]{1,16}(?:[ _-][A-Za-z]{1,16}){0,4}$/;

/** Whether a text is made of words, and may be repeated: what somebody typed could be a secret in the wrong place. */
export function isPlainWords(text: string): boolean {
  return WORDS.test(text);
}

/** A thing there is not, by its name where that may be repeated: `command "foo"`, else `such command`. */
export function named(thing: string, name: string): string {
  return isPlainWords(name) ? `${thing} ${JSON.stringify(name)}` : `such ${thing}`;
}

/** A value as JSON on one line. The escapes are JSON's own, so that programs read what was stored. */
export function toJson(value: unknown): string {
  return escapeControls(JSON.stringify(value));
}

const WIDE =
  /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]/u;
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** How many columns text takes on a terminal, as nearly as can be known without asking it. */
export function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

/** Rows under their headings, in columns as wide as what is in them. The last is not filled up. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows.map((row) => row.map(escapeControls))];
  const widths = headings.map((_, column) => all.reduce((most, row) => Math.max(most, widthOf(row[column] ?? '')), 0));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell))))
      .join('  ')
      .trimEnd();
  return all.map((row) => `${line(row)}\n`).join('');
}

/** Names and what they are, one a line. */
export function fields(entries: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${escapeControls(value)}\n`).join('');
}

/** Times as people here write them. */
export function timeFormat(io: { readonly locale?: string; readonly timeZone?: string }): (time: Date) => string {
  const format = new Intl.DateTimeFormat(io.locale, { dateStyle: 'medium', timeStyle: 'short', timeZone: io.timeZone });
  return (time) => format.format(time);
}
