import { listNames } from '../../did-you-mean';
import { KeyscopeError } from '../../errors';
import type { Call, Command } from '../command';
import { createColumns, PRESETS } from '../import/columns';
import { type Candidate, type Plan, type Problem, planImport } from '../import/plan';
import { openText, STDIN } from '../import/read-input';
import { FORMATS, type Format, formatOf, rowsOf } from '../import/rows';
import { EXIT, type ExitCode, usageError } from '../io';
import { fields, harmless, isWords, named, toJson } from '../terminal-text';
import { CHANGE_OPTIONS } from './common-options';
import { agentsOf, EXPIRY_OPTIONS, expiryOf, permissionsOf } from './key-options';

/** Enough to keep Redis busy, and few enough to be answered in time. */
const AT_ONCE = 64;
const PROGRESS = 10_000;

type Outcome = 'imported' | 'present' | Problem;

const number = (count: number) => count.toLocaleString('en-US');

function formatGiven({ values }: Call): Format | undefined {
  const given = values.text('format') as Format | undefined;
  if (given === undefined || FORMATS.includes(given)) return given;
  throw usageError(`--format: there is no ${named('format', given)}. There are: ${listNames(FORMATS)}.`);
}

async function readPlan(call: Call): Promise<Plan> {
  const { io, args, values, settings } = call;
  const permissions = permissionsOf(call);
  const agents = agentsOf(call);
  const declared = settings.permissions ?? permissions;
  if (declared.length === 0) {
    throw usageError('Say which permissions the app declares: KEYSCOPE_PERMISSIONS=NAME,NAME or keyscope.config.json.');
  }
  const name = values.text('name');
  const defaults = {
    ...(name === undefined ? {} : { name }),
    ...(agents.length === 0 ? {} : { agents }),
    ...(permissions.length === 0 ? {} : { permissions }),
    ...expiryOf(call),
  };
  const unused: string[] = [];
  const columns = createColumns(values.text('from'), values.texts('map'), (column) =>
    unused.push(isWords(column) ? JSON.stringify(column) : `one with a name of ${column.length} characters`),
  );
  const format = formatGiven(call);
  if (args[0] === STDIN && io.stdin.isTTY) call.note('Reading from the terminal; end with Ctrl-D.');
  const text = await openText(io, args[0] as string);
  const plan = await planImport(rowsOf(text, format ?? formatOf(text.head)), {
    ...{
      pick: columns.pick,
      defaults,
      permissions: declared,
      prefix: settings.prefix ?? 'ks',
      workspaceId: settings.workspaceId,
    },
    now: io.now,
    onProgress(rows) {
      if (rows % PROGRESS === 0) call.note(`Checked ${number(rows)} rows.`);
    },
  });
  const missing = columns.missing();
  if (missing.length > 0) throw usageError(`--map: no row has the column given for ${missing.join(', ')}.`);
  // Not before: without its heading, the first line of a file holds tokens, and then there is no plan.
  if (unused.length > 0) {
    call.note(
      harmless(
        `Note: these columns say nothing of a key: ${unused.join(', ')}. Where one does, use --map FIELD=COLUMN.`,
      ),
    );
  }
  return plan;
}

async function isThere({ apiKeys, within }: Call, id: string): Promise<boolean> {
  try {
    await apiKeys.keys.get(id, within);
    return true;
  } catch (error) {
    if (error instanceof KeyscopeError && error.code === 'key_not_found') return false;
    throw error;
  }
}

/** Trying comes first: what one call says of a key may not hold any more for the next. */
async function importOne(call: Call, { line, id, input }: Candidate): Promise<Outcome> {
  if (call.values.flag('dry-run')) return (await isThere(call, id)) ? 'present' : 'imported';
  try {
    await call.apiKeys.keys.import(input, call.origin);
    return 'imported';
  } catch (error) {
    if (!(error instanceof KeyscopeError) || error.code === 'store_unavailable') throw error;
    if (error.code === 'conflict' && (await isThere(call, id))) return 'present';
    return { line, message: error.message };
  }
}

/** Imports all, several at once. Where Redis fails, the rest is left, and the error is told with what has been done. */
async function importAll(call: Call, candidates: readonly Candidate[], onOutcome: (outcome: Outcome) => void) {
  let next = 0;
  let failure: unknown;
  async function work(): Promise<void> {
    while (failure === undefined && next < candidates.length) {
      const candidate = candidates[next++] as Candidate;
      try {
        onOutcome(await importOne(call, candidate));
      } catch (error) {
        failure ??= error;
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (failure !== undefined) throw failure;
}

function report(call: Call, summary: Record<string, unknown>, problems: readonly Problem[]): void {
  for (const { line, message } of problems) call.io.stderr.write(`${harmless(`line ${line}: ${message}`)}\n`);
  if (call.json) call.print(`${toJson({ ...summary, problems })}\n`);
}

async function importKeys(call: Call): Promise<ExitCode> {
  const dryRun = call.values.flag('dry-run');
  const { rows, candidates, problems, expired } = await readPlan(call);
  const counts = { imported: 0, present: 0, refused: 0 };
  const summary = () => ({
    ...{ dryRun, rows, imported: counts.imported, alreadyImported: counts.present, expired },
    invalid: problems.length,
    left: candidates.length - counts.imported - counts.present - counts.refused,
  });
  const reportAll = () => {
    problems.sort((a, b) => a.line - b.line);
    report(call, summary(), problems);
  };
  if (problems.length > 0 && !dryRun && !call.values.flag('skip-invalid')) {
    reportAll();
    call.io.stderr.write(
      `keyscope: Nothing was imported: ${number(problems.length)} of ${number(rows)} rows cannot be. Mend them, or leave them out with --skip-invalid.\n`,
    );
    return EXIT.refused;
  }

  try {
    await importAll(call, candidates, (outcome) => {
      if (typeof outcome === 'string') counts[outcome] += 1;
      else {
        counts.refused += 1;
        problems.push(outcome);
      }
      const done = counts.imported + counts.present;
      if (done > 0 && done % PROGRESS === 0) call.note(`Done with ${number(done)} of ${number(candidates.length)}.`);
    });
  } catch (error) {
    reportAll();
    // No note, which --quiet would keep back: it belongs to the error.
    const { imported, left } = summary();
    const far = dryRun
      ? `Nothing was written, and ${number(left)} were not looked for.`
      : `${number(imported)} were imported, ${number(left)} are left. Run it again: what is there is skipped.`;
    call.io.stderr.write(`${far}\n`);
    throw error;
  }

  reportAll();
  if (!call.json) {
    call.print(
      fields([
        ['rows', number(rows)],
        [dryRun ? 'to import' : 'imported', number(counts.imported)],
        ['there already', number(counts.present)],
        ['expired, left out', number(expired)],
        ['not valid', number(problems.length)],
      ]),
    );
  }
  if (dryRun) call.note('Nothing was written.');
  else if (counts.imported > 0) call.note('Apps let these keys in where createApiKeys has `foreignTokens: true`.');
  return problems.length > 0 ? EXIT.refused : EXIT.ok;
}

export const IMPORT_COMMAND: Command = {
  name: 'import',
  summary: 'Take over keys whose tokens were made elsewhere, from a file or from standard input',
  args: ['FILE|-'],
  options: {
    from: {
      value: 'WHAT',
      help: `Whose export it is: ${Object.keys(PRESETS).join(', ')}. Default: a table of your own.`,
    },
    format: { value: 'FORMAT', help: 'csv or jsonl (JSON lines). Default: told from how it begins.' },
    map: {
      value: 'FIELD=COLUMN',
      multiple: true,
      help: 'Where a field is: token, sha256, name, agents, permissions, …',
    },
    name: { value: 'TEXT', help: 'For rows that say no name.' },
    agents: { value: 'all|A,B', multiple: true, help: 'For rows that say no agents.' },
    agent: { value: 'ID', multiple: true, help: 'One more of them, as it is: for ids with commas.' },
    permissions: { value: 'A,B', multiple: true, help: 'For rows that say no permissions.' },
    ...EXPIRY_OPTIONS,
    'dry-run': { help: 'Say what would be done, and write nothing.' },
    'skip-invalid': { help: 'Import the valid rows. Default: all or nothing.' },
    ...CHANGE_OPTIONS,
  },
  permissionOptions: ['permissions'],
  run: importKeys,
};
