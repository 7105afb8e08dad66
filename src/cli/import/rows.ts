import { pipeline, Readable } from 'node:stream';
import { usageError } from '../io';
import type { ColumnValue } from './fields';
import type { Text } from './read-input';
import { readMembers } from './read-members';

/** One row, or its problem. Messages never quote the file: it contains tokens. */
export type Row = {
  /** Line on which the row begins, from 1. */
  readonly line: number;
} & (
  | { readonly values: readonly ColumnValue[] }
  // With the text of the row, which may contain the token of another row.
  | { readonly problem: string; readonly text: string }
);

export const FORMATS = ['csv', 'jsonl'] as const;
export type Format = (typeof FORMATS)[number];

/** Longer than any row of a key. A longer one has a quote that is never closed. */
const MAX_ROW = 256 * 1024;

/** The format of a file, by its beginning. */
export function formatOf(head: string): Format {
  const [first] = head.trimStart();
  if (first === '[') {
    throw usageError('The file is one JSON array. Expected JSON lines, one object each: `jq -c .[] keys.json`.');
  }
  return first === '{' ? 'jsonl' : 'csv';
}

async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() as string;
    if (rest.length > MAX_ROW) throw usageError(`A line is longer than ${MAX_ROW} characters.`);
    yield* lines;
  }
  yield rest;
}

async function* jsonRows({ chunks }: Text): AsyncGenerator<Row> {
  let line = 0;
  for await (const text of linesOf(chunks)) {
    line += 1;
    if (text.trim() === '') continue;
    yield { line, text, ...readMembers(text) };
  }
}

/** The separator that occurs most in the first line. */
function delimiterOf(head: string): string {
  const [first = ''] = head.split(/\r?\n/, 1);
  const count = (delimiter: string) => first.split(delimiter).length;
  return [',', ';', '\t'].reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best));
}

interface CsvRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

const CSV_PROBLEMS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote is opened and never closed',
  CSV_MAX_RECORD_SIZE: 'a row is too long; perhaps a quote is never closed',
};

function unreadableCsv(error: unknown): unknown {
  const { code, lines } = error as { code?: string; lines?: number };
  if (!code?.startsWith('CSV_')) return error;
  return usageError(`Line ${lines} is not CSV: ${CSV_PROBLEMS[code] ?? 'its quotes are invalid'}.`);
}

async function* csvRows(chunks: AsyncIterable<string>, delimiter: string): AsyncGenerator<Row> {
  const { parse } = await import('csv-parse');
  const parser = parse({
    delimiter,
    info: true,
    max_record_size: MAX_ROW,
    relax_column_count: true,
    skip_empty_lines: true,
    trim: true,
  });
  // The parser emits the errors of both.
  pipeline(Readable.from(chunks), parser, () => {});
  let names: readonly string[] | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<CsvRecord>) {
      const line = info.lines - record.reduce((count, field) => count + field.split('\n').length - 1, 0);
      if (names === undefined) names = record;
      else yield rowOf(line, names, record);
    }
  } catch (error) {
    throw unreadableCsv(error);
  }
}

/** A row, or its problem if it has more or fewer fields than the first line. */
function rowOf(line: number, names: readonly string[], record: readonly string[]): Row {
  if (record.length === names.length) {
    return { line, values: names.map((name, index) => [name, record[index]] as const) };
  }
  const count = record.length === 1 ? '1 field' : `${record.length} fields`;
  return {
    line,
    problem: `It has ${count}; the first line, which names the columns, has ${names.length}.`,
    text: record.join(' '),
  };
}

const ESCAPES: Readonly<Record<string, string>> = { 0: '\0', t: '\t', n: '\n', r: '\r', '\\': '\\' };

/** A field as `mysql --batch` and PostgreSQL's COPY write it, with escapes and no quotes, or a spreadsheet in quotes. */
function tabField(text: string): string {
  const quoted = /^"((?:[^"]|"")*)"$/.exec(text.trim())?.[1];
  if (quoted !== undefined) return quoted.replaceAll('""', '"');
  return text.replace(/\\([0tnr\\])/g, (_, code: string) => ESCAPES[code] as string).trim();
}

/** Each line is a row: a quote that is never closed, such as one in a name, must not join the fields of two rows. */
async function* tabRows({ chunks }: Text): AsyncGenerator<Row> {
  let line = 0;
  let names: readonly string[] | undefined;
  for await (const text of linesOf(chunks)) {
    line += 1;
    if (text.trim() === '') continue;
    const record = text.replace(/\r$/, '').split('\t').map(tabField);
    if (names === undefined) names = record;
    else yield rowOf(line, names, record);
  }
}

/** The rows of a file. Rejects if the rest cannot be read. */
export function rowsOf(text: Text, format: Format): AsyncGenerator<Row> {
  if (format === 'jsonl') return jsonRows(text);
  const delimiter = delimiterOf(text.head);
  return delimiter === '\t' ? tabRows(text) : csvRows(text.chunks, delimiter);
}
