import { pipeline, Readable } from 'node:stream';
import { usageError } from '../io';
import type { Text } from './read-input';

/** One row, or a sentence about what is wrong with it. Sentences repeat nothing of what is in the file: it has tokens. */
export type Row = {
  /** The line that it begins on, from 1. */
  readonly line: number;
} & ({ readonly values: ReadonlyMap<string, unknown> } | { readonly problem: string });

export const FORMATS = ['csv', 'jsonl'] as const;
export type Format = (typeof FORMATS)[number];

/** Longer than any key's row; what is longer is no row, or a quote that was never closed. */
const MAX_ROW = 256 * 1024;

/** Which of the two a text is. */
export function formatOf(head: string): Format {
  const [first] = head.trimStart();
  if (first === '[') {
    throw usageError('The file is one JSON list. Give JSON lines, one object each: `jq -c .[] keys.json`.');
  }
  return first === '{' ? 'jsonl' : 'csv';
}

async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() as string;
    if (rest.length > MAX_ROW)
      throw usageError(`A line is longer than ${MAX_ROW} characters: these are no JSON lines.`);
    yield* lines;
  }
  yield rest;
}

function parseObject(text: string): ReadonlyMap<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : null;
  } catch {
    // Node's message would quote the line.
    return null;
  }
}

async function* jsonRows({ chunks }: Text): AsyncGenerator<Row> {
  let line = 0;
  for await (const text of linesOf(chunks)) {
    line += 1;
    if (text.trim() === '') continue;
    const values = parseObject(text);
    yield values === null ? { line, problem: 'It is not a JSON object.' } : { line, values };
  }
}

/** The separator that the first line has most of. */
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
  CSV_MAX_RECORD_SIZE: 'a row is longer than any can be; perhaps a quote is never closed',
};

function unreadableCsv(error: unknown): unknown {
  const { code, lines } = error as { code?: string; lines?: number };
  if (!code?.startsWith('CSV_')) return error;
  return usageError(`Line ${lines} is not CSV: ${CSV_PROBLEMS[code] ?? 'its quotes are wrong'}.`);
}

async function* csvRows({ head, chunks }: Text): AsyncGenerator<Row> {
  const { parse } = await import('csv-parse');
  const parser = parse({
    ...{ info: true, delimiter: delimiterOf(head), max_record_size: MAX_ROW },
    ...{ relax_column_count: true, skip_empty_lines: true, trim: true },
  });
  // Errors of either come out of the parser, which is what is read here.
  pipeline(Readable.from(chunks), parser, () => {});
  let names: readonly string[] | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<CsvRecord>) {
      const line = info.lines - record.reduce((count, field) => count + field.split('\n').length - 1, 0);
      if (names === undefined) names = record;
      else if (record.length !== names.length) {
        yield { line, problem: `It has ${record.length} fields; the first line has ${names.length}.` };
      } else yield { line, values: new Map(names.map((name, index) => [name, record[index]])) };
    }
  } catch (error) {
    throw unreadableCsv(error);
  }
}

/** The rows of a text. Rejects where it cannot be read any further. */
export function rowsOf(text: Text, format: Format): AsyncGenerator<Row> {
  return format === 'csv' ? csvRows(text) : jsonRows(text);
}
