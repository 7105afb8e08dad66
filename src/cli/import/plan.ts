import { type InputIssue, KeyscopeError } from '../../errors';
import { createReadImportedToken, importedKeyId } from '../../keys/imported-keys';
import { createKeyInputs } from '../../keys/input-schemas';
import { parseTime } from '../../keys/time';
import type { ImportKeyInput } from '../../keys/types';
import { usageError } from '../io';
import type { Columns } from './columns';
import { type Converted, type ConvertOptions, toImport } from './convert';
import type { ColumnValue } from './fields';
import type { Row } from './rows';
import { namesEnd } from './words';

/** An invalid row. */
export interface Problem {
  readonly line: number;
  readonly message: string;
}

export interface Candidate {
  readonly line: number;
  /** The id that the key has, or will have. */
  readonly id: string;
  readonly input: ImportKeyInput;
  /** True if the row states the expiry, false if it is the default. */
  readonly statesExpiry: boolean;
}

/** A row whose key ended, or is disabled, in the system that wrote the file. */
export interface EndedRow {
  readonly line: number;
  /** The id that the key has if it was imported earlier. */
  readonly id: string;
}

/** The content of a file, before anything is written. */
export interface Plan {
  readonly rows: number;
  readonly candidates: readonly Candidate[];
  readonly problems: Problem[];
  /** Number of rows whose key has expired. They are left out. */
  readonly expired: number;
  /** Number of rows whose key was revoked, deleted, inactive or used up. They are left out. */
  readonly inactive: number;
  /** Rows whose key must not be active. */
  readonly ended: readonly EndedRow[];
  /** Number of rows whose expiry had no zone. */
  readonly localTimes: number;
  /** Lines of keys whose names say that they ended, such as "CRM (revoked)". */
  readonly namedAsEnded: readonly number[];
  /** True if each token has the form of a SHA-256 in hexadecimal. */
  readonly tokensLookHashed: boolean;
}

export interface PlanOptions extends ConvertOptions {
  readonly columns: Columns;
  readonly permissions: readonly string[];
  readonly prefix: string;
  readonly environment?: string | undefined;
  readonly workspaceId: string | undefined;
  readonly now: () => number;
  /** Called with the number of rows read. */
  readonly onProgress: (rows: number) => void;
}

/** All rows are in memory at once, some hundred bytes each: nothing is written before the last row has been read. */
const MAX_ROWS = 1_000_000;

const NO_TOKEN_MESSAGE =
  'No column holds tokens or their SHA-256. Name the columns in the first line, or map one: --map token=COLUMN or --map sha256=COLUMN.';

function joinIssues(issues: readonly InputIssue[]): string {
  return issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join(' ');
}

function invalid(issues: readonly InputIssue[]): KeyscopeError {
  return new KeyscopeError('invalid_request', '', { issues });
}

/** Reads and validates all rows. Writes nothing. */
export async function planImport(rows: AsyncIterable<Row>, options: PlanOptions): Promise<Plan> {
  const { columns, workspaceId, now } = options;
  const inputs = createKeyInputs(options, now);
  const readImportedToken = createReadImportedToken(options.prefix, {
    environment: options.environment ?? null,
    keysWithoutEnvironment: false,
  });
  const candidates: Candidate[] = [];
  const problems: Problem[] = [];
  const lines = new Map<string, number>();
  const repeated = new Map<string, number>();
  const ended: EndedRow[] = [];
  const left = { expired: 0, inactive: 0 };
  const unreadable: Problem[] = [];
  /** Lines of the words in rows that cannot be read. One of them may be the token of another row. */
  const words = new Map<string, number>();
  let [count, withToken, hashed, localTimes] = [0, 0, 0, 0];

  /** The id of a token. Throws if an earlier row has the same token; that row is invalid as well. */
  function idOf(line: number, { token, sha256 }: Pick<ImportKeyInput, 'token' | 'sha256'>): string {
    const id = importedKeyId({ workspaceId, token, sha256 });
    const earlier = lines.get(id);
    if (earlier !== undefined) {
      repeated.set(id, line);
      throw invalid([{ path: '', message: `It is the same token as in line ${earlier}.` }]);
    }
    lines.set(id, line);
    return id;
  }

  /** A key that is left out needs no valid data, but its token must not be in another row. */
  function leaveOut(line: number, { token, sha256 }: ImportKeyInput): 'inactive' {
    const given = { ...(token === undefined ? {} : { token }), ...(sha256 === undefined ? {} : { sha256 }) };
    try {
      const read = inputs.import({
        ...given,
        name: 'x',
        agents: 'all',
        permissions: options.permissions,
      } as ImportKeyInput);
      ended.push({ line, id: idOf(line, read) });
    } catch (error) {
      if (!(error instanceof KeyscopeError) || error.issues.some(({ path }) => path === '')) throw error;
    }
    return 'inactive';
  }

  function validate(line: number, converted: Converted) {
    const { input, issues, statesExpiry } = converted;
    const end = parseTime(input.expiresAt);
    const isOver = end !== null && end <= now();
    const { expiresAt: _, ...endless } = input;
    try {
      const { token, sha256, ...shown } = inputs.import(isOver ? endless : input);
      if (issues.length > 0) throw invalid(issues);
      readImportedToken({ token, sha256 }, { ...shown, workspaceId });
      const id = idOf(line, { token, sha256 });
      if (isOver || input.disabled === true) ended.push({ line, id });
      return isOver
        ? 'expired'
        : { line, id, input: end === null ? input : { ...endless, expiresAt: end }, statesExpiry };
    } catch (error) {
      if (!(error instanceof KeyscopeError)) throw error;
      throw invalid([...new Set([...issues, ...error.issues])]);
    }
  }

  /** The candidate, or the reason why the row is left out. Throws the issues of the row. */
  function read(line: number, values: readonly ColumnValue[]): Candidate | keyof typeof left {
    const picked = columns.pick(values);
    if (picked.fields.has('token') || picked.fields.has('sha256')) withToken += 1;
    if (/^[0-9a-f]{64}$/.test(String(picked.fields.get('token')))) hashed += 1;
    const converted = toImport(picked, options);
    if (converted.isLocalTime) localTimes += 1;
    return converted.isInactive ? leaveOut(line, converted.input) : validate(line, converted);
  }

  for await (const row of rows) {
    count += 1;
    if (count > MAX_ROWS) throw usageError(`The file has more than ${MAX_ROWS} rows. Split it.`);
    options.onProgress(count);
    if ('problem' in row) {
      unreadable.push({ line: row.line, message: row.problem });
      for (const word of row.text.split(/[\s",;]+/)) words.set(word, row.line);
      continue;
    }
    try {
      const result = read(row.line, row.values);
      if (typeof result === 'string') left[result] += 1;
      else candidates.push(result);
    } catch (error) {
      if (!(error instanceof KeyscopeError) || error.code === 'invalid_options') throw error;
      problems.push({ line: row.line, message: joinIssues(error.issues) });
    }
  }
  if (count === 0) throw usageError('There are no rows in it.');
  const [first] = unreadable;
  if (first !== undefined && unreadable.length === count) {
    throw usageError(`No row can be read. Line ${first.line}: ${first.message}`);
  }
  if (withToken === 0) throw usageError(NO_TOKEN_MESSAGE);
  const isRepeated = ({ line, id, input }: Candidate) => {
    const later = repeated.get(id) ?? words.get(String(input.token ?? input.sha256));
    if (later !== undefined) problems.push({ line, message: `It is the same token as in line ${later}.` });
    return later !== undefined;
  };
  const remaining = candidates.filter((candidate) => !isRepeated(candidate));
  return {
    ...left,
    rows: count,
    candidates: remaining,
    problems: [...unreadable, ...problems],
    namedAsEnded: remaining.filter(({ input }) => !input.disabled && namesEnd(input.name)).map(({ line }) => line),
    ended,
    localTimes,
    tokensLookHashed: hashed > 0 && hashed === withToken,
  };
}
