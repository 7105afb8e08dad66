import { type InputIssue, KeyscopeError } from '../../errors';
import { createReadImportedToken, importedKeyId } from '../../keys/imported-keys';
import { createKeyInputs } from '../../keys/input-schemas';
import { parseTime } from '../../keys/time';
import type { ImportKeyInput } from '../../keys/types';
import { usageError } from '../io';
import type { Pick } from './columns';
import { type Defaults, toImport } from './convert';
import type { Row } from './rows';

/** What is wrong with a row. */
export interface Problem {
  readonly line: number;
  readonly message: string;
}

export interface Candidate {
  readonly line: number;
  /** The id that the key has, or will have. */
  readonly id: string;
  readonly input: ImportKeyInput;
}

/** What a file comes to, before anything is written. */
export interface Plan {
  readonly rows: number;
  readonly candidates: readonly Candidate[];
  readonly problems: Problem[];
  /** Keys that have ended: there is nothing to let in. */
  readonly expired: number;
}

export interface PlanOptions {
  readonly pick: Pick;
  readonly defaults: Defaults;
  readonly permissions: readonly string[];
  readonly prefix: string;
  readonly workspaceId: string | undefined;
  readonly now: () => number;
  /** Called now and then with the rows read so far. */
  readonly onProgress: (rows: number) => void;
}

/** All of them are in memory at once, some hundred bytes each, because nothing is written before the last has been read. */
const MAX_ROWS = 1_000_000;

const FIRST_LINE =
  'No column holds tokens or their SHA-256. Name the columns in the first line, or say which it is: --map token=COLUMN or --map sha256=COLUMN.';

function sentences(issues: readonly InputIssue[]): string {
  return issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join(' ');
}

/** Reads every row, and finds out what is wrong with each. Writes nothing. */
export async function planImport(rows: AsyncIterable<Row>, options: PlanOptions): Promise<Plan> {
  const { pick, defaults, workspaceId, now } = options;
  const inputs = createKeyInputs(options.permissions, now);
  const readForeignToken = createReadImportedToken(options.prefix);
  const candidates: Candidate[] = [];
  const problems: Problem[] = [];
  const lines = new Map<string, number>();
  let [count, expired, withToken] = [0, 0, 0];

  /** The row as it is given to `keys.import`; null for a key that has ended. Throws what is wrong with it. */
  function read(line: number, values: ReadonlyMap<string, unknown>): Candidate | null {
    const picked = pick(values);
    if (picked.has('token') || picked.has('sha256')) withToken += 1;
    const { input, problems: unclear } = toImport(picked, defaults);
    const ends = parseTime(input.expiresAt);
    const isOver = ends !== null && ends <= now();
    const { expiresAt, ...endless } = input;
    try {
      const { token, sha256, ...shown } = inputs.import(isOver ? endless : input);
      if (unclear.length > 0) throw new KeyscopeError('invalid_request', '', { issues: unclear });
      readForeignToken({ token, sha256 }, { ...shown, workspaceId });
      const id = importedKeyId({ workspaceId, token, sha256 });
      const before = lines.get(id);
      if (before !== undefined) {
        const issues = [{ path: '', message: `It is the same token as in line ${before}.` }];
        throw new KeyscopeError('invalid_request', '', { issues });
      }
      lines.set(id, line);
      return isOver ? null : { line, id, input: expiresAt === undefined ? endless : { ...endless, expiresAt: ends! } };
    } catch (error) {
      if (!(error instanceof KeyscopeError)) throw error;
      throw new KeyscopeError('invalid_request', '', { issues: [...new Set([...unclear, ...error.issues])] });
    }
  }

  for await (const row of rows) {
    count += 1;
    if (count > MAX_ROWS) throw usageError(`The file has more than ${MAX_ROWS} rows. Split it.`);
    options.onProgress(count);
    if ('problem' in row) {
      problems.push({ line: row.line, message: row.problem });
      continue;
    }
    try {
      const candidate = read(row.line, row.values);
      if (candidate === null) expired += 1;
      else candidates.push(candidate);
    } catch (error) {
      if (!(error instanceof KeyscopeError)) throw error;
      problems.push({ line: row.line, message: sentences(error.issues) });
    }
  }
  if (count === 0) throw usageError('There are no rows in it.');
  if (withToken === 0) throw usageError(FIRST_LINE);
  return { rows: count, candidates, problems, expired };
}
