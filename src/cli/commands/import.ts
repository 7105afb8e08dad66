import { listNames } from '../../did-you-mean';
import { KeyscopeError } from '../../errors';
import type { ApiKey } from '../../keys/types';
import type { Command, CommandContext } from '../command';
import { createColumns } from '../import/columns';
import { concurrently } from '../import/concurrently';
import { PRESETS } from '../import/fields';
import { kindsOf, printKinds } from '../import/kinds';
import { type Candidate, type EndedRow, type Plan, type Problem, planImport } from '../import/plan';
import { openText, STDIN } from '../import/read-input';
import { FORMATS, type Format, formatOf, rowsOf } from '../import/rows';
import { createToInstant } from '../import/time-zone';
import { EXIT, type ExitCode, usageError } from '../io';
import { escapeControls, fields, named, toJson } from '../terminal-text';
import { CHANGE_OPTIONS } from './common-options';
import { agentsOf, COLUMN_OPTIONS, columnsOf, EXPIRY_OPTIONS, expiryOf, permissionsOf } from './key-options';

const PROGRESS = 10_000;

type Outcome = 'imported' | 'present' | Problem;

const number = (count: number) => count.toLocaleString('en-US');

function formatGiven({ values }: CommandContext): Format | undefined {
  const given = values.text('format') as Format | undefined;
  if (given === undefined || FORMATS.includes(given)) return given;
  throw usageError(`--format: there is no ${named('format', given)}. Accepted: ${listNames(FORMATS)}.`);
}

/** The `--time-zone` of times without a zone. */
function zoneGiven({ values }: CommandContext) {
  const name = values.text('time-zone') ?? 'UTC';
  const toInstant = createToInstant(name);
  if (toInstant !== null) return { name, toInstant };
  throw usageError('--time-zone: expected UTC, an offset such as +02:00, or a name such as Europe/Berlin.');
}

function noteOn(context: CommandContext, { localTimes, namedAsEnded, tokensLookHashed }: Plan, zone: string): void {
  if (localTimes > 0) {
    context.note(`Note: ${number(localTimes)} expiry times without a zone were read as ${zone} (--time-zone).`);
  }
  if (namedAsEnded.length > 0) {
    const lines = namedAsEnded.slice(0, 10).join(', ');
    const names = namedAsEnded.length === 1 ? '1 name says' : `${number(namedAsEnded.length)} names say`;
    context.note(`Note: ${names} that the key has ended. Check line ${lines}.`);
  }
  if (tokensLookHashed) {
    context.note(
      'Note: all tokens have 64 hexadecimal digits, as a SHA-256 has. If they are hashes: --map sha256=COLUMN --map token=',
    );
  }
}

async function readPlan(context: CommandContext): Promise<Plan> {
  const { io, args, values, settings } = context;
  const permissions = permissionsOf(context);
  const agents = agentsOf(context);
  const declared = settings.permissions ?? permissions;
  if (declared.length === 0) {
    throw usageError('Name the permissions that the app declares: KEYSCOPE_PERMISSIONS=A,B or keyscope.config.json.');
  }
  const name = values.text('name');
  const defaults = {
    ...(name === undefined ? {} : { name }),
    ...(agents.length === 0 ? {} : { agents }),
    ...(permissions.length === 0 ? {} : { permissions }),
    ...expiryOf(context),
    ...columnsOf(context),
  };
  const zone = zoneGiven(context);
  const preset = values.text('from');
  const columns = createColumns({ preset, map: values.texts('map'), ignore: values.texts('ignore'), now: io.now });
  const format = formatGiven(context);
  if (args[0] === STDIN && io.stdin.isTTY) context.note('Reading from the terminal; end with Ctrl-D.');
  const text = await openText(io, args[0] as string);
  const plan = await planImport(rowsOf(text, format ?? formatOf(text.head)), {
    columns,
    defaults,
    permissions: declared,
    prefix: settings.prefix ?? 'ks',
    environment: settings.environment,
    toInstant: zone.toInstant,
    emptyIsEnabled: preset !== undefined && PRESETS[preset]?.emptyIsEnabled === true,
    workspaceId: settings.workspaceId,
    now: io.now,
    onProgress(rows) {
      if (rows % PROGRESS === 0) context.note(`Checked ${number(rows)} rows.`);
    },
  });
  const missing = columns.missing();
  if (missing.length > 0) throw usageError(`--map: no row has the column given for ${missing.join(', ')}.`);
  // After the plan: if the heading is missing, the first line contains tokens, and planning throws.
  noteOn(context, plan, zone.name);
  return plan;
}

async function find({ apiKeys, within }: CommandContext, id: string): Promise<ApiKey | null> {
  try {
    return await apiKeys.keys.get(id, within);
  } catch (error) {
    if (error instanceof KeyscopeError && error.code === 'key_not_found') return null;
    throw error;
  }
}

/** Imports first and looks afterwards: a key that is looked up first may be deleted before the import. */
async function importOne(context: CommandContext, { line, id, input }: Candidate): Promise<Outcome> {
  if (context.values.flag('dry-run')) return (await find(context, id)) === null ? 'imported' : 'present';
  try {
    await context.apiKeys.keys.import(input, context.origin);
    return 'imported';
  } catch (error) {
    if (!(error instanceof KeyscopeError) || error.code === 'store_unavailable') throw error;
    if (error.code === 'conflict' && (await find(context, id)) !== null) return 'present';
    return { line, message: error.message };
  }
}

/** Keys that are active although their rows say that they ended: they were imported earlier, and ended since. */
async function findStillActive(context: CommandContext, ended: readonly EndedRow[]): Promise<EndedRow[]> {
  const active: EndedRow[] = [];
  await concurrently(ended, async (row) => {
    const key = await find(context, row.id);
    const hasExpired = key?.expiresAt != null && key.expiresAt.getTime() <= context.io.now();
    if (key !== null && !key.disabled && !hasExpired) active.push(row);
  });
  return active.sort((a, b) => a.line - b.line);
}

function report(context: CommandContext, summary: Record<string, unknown>, problems: readonly Problem[]): void {
  for (const { line, message } of problems) context.io.stderr.write(`${escapeControls(`line ${line}: ${message}`)}\n`);
  if (context.json) context.print(`${toJson({ ...summary, problems })}\n`);
}

async function importKeys(context: CommandContext): Promise<ExitCode> {
  const dryRun = context.values.flag('dry-run');
  const { rows, candidates, problems, expired, inactive, ended } = await readPlan(context);
  const kinds = kindsOf(candidates);
  const counts = { imported: 0, present: 0, refused: 0 };
  let stillActive: readonly EndedRow[] = [];
  const summary = () => ({
    dryRun,
    rows,
    imported: counts.imported,
    alreadyImported: counts.present,
    expired,
    inactive,
    invalid: problems.length,
    left: candidates.length - counts.imported - counts.present - counts.refused,
    stillActive,
    ...(dryRun ? { kinds } : {}),
  });
  const reportAll = () => {
    problems.sort((a, b) => a.line - b.line);
    report(context, summary(), problems);
  };
  if (problems.length > 0 && !dryRun && !context.values.flag('skip-invalid')) {
    reportAll();
    context.io.stderr.write(
      `keyscope: Nothing was imported: ${number(problems.length)} of ${number(rows)} rows are invalid. Fix them, or skip them with --skip-invalid.\n`,
    );
    return EXIT.refused;
  }

  try {
    await concurrently(candidates, async (candidate) => {
      const outcome = await importOne(context, candidate);
      if (typeof outcome === 'string') counts[outcome] += 1;
      else {
        counts.refused += 1;
        problems.push(outcome);
      }
      const done = counts.imported + counts.present;
      if (done > 0 && done % PROGRESS === 0) context.note(`Done with ${number(done)} of ${number(candidates.length)}.`);
    });
    stillActive = await findStillActive(context, ended);
  } catch (error) {
    reportAll();
    // Written with --quiet also: it belongs to the error.
    const { imported, left } = summary();
    const far = dryRun
      ? `Nothing was written. ${number(left)} rows were not checked.`
      : `${number(imported)} were imported, ${number(left)} are left. Run it again: imported keys are skipped.`;
    context.io.stderr.write(`${far}\n`);
    throw error;
  }

  reportAll();
  for (const { line, id } of stillActive) {
    const fix = `keyscope keys disable ${id}`;
    context.io.stderr.write(
      `line ${line}: The key ${id} was imported earlier and is active. This row says that it ended or is disabled: ${fix}.\n`,
    );
  }
  if (!context.json) {
    if (dryRun) context.print(`${printKinds(kinds, { expired, inactive }, context.style)}\n`);
    context.print(
      fields([
        ['rows', number(rows)],
        [dryRun ? 'to import' : 'imported', number(counts.imported)],
        ['already imported', number(counts.present)],
        ['left out: expired', number(expired)],
        ['left out: revoked, deleted or inactive', number(inactive)],
        ['invalid', number(problems.length)],
      ]),
    );
  }
  if (dryRun) context.note('Nothing was written.');
  else if (counts.imported > 0) context.note('Apps accept these keys if createApiKeys has `importedTokens: true`.');
  return problems.length + stillActive.length > 0 ? EXIT.refused : EXIT.ok;
}

export const IMPORT_COMMAND: Command = {
  name: 'import',
  summary: 'Import keys with tokens of another system, from a file or standard input',
  args: ['FILE|-'],
  options: {
    from: {
      value: 'WHAT',
      help: `System that wrote the export: ${Object.keys(PRESETS).join(', ')}. Default: your own table.`,
    },
    format: { value: 'FORMAT', help: 'csv or jsonl (JSON lines). Default: by the first character.' },
    map: {
      value: 'FIELD=COLUMN',
      multiple: true,
      help: 'Column of a field: token, sha256, name, agents, permissions, expiresAt, … Without a column: none.',
    },
    ignore: { value: 'COLUMN', multiple: true, help: 'Column that means nothing for keys.' },
    'time-zone': { value: 'ZONE', help: 'Zone of times without one: UTC, +02:00, Europe/Berlin. Default: UTC.' },
    name: { value: 'TEXT', help: 'Name for rows without one.' },
    agents: { value: 'all|A,B', multiple: true, help: 'Agents for rows without any.' },
    agent: { value: 'ID', multiple: true, help: 'One agent id, verbatim: for ids with commas.' },
    permissions: { value: 'A,B', multiple: true, help: 'Permissions for rows without any.' },
    ...EXPIRY_OPTIONS,
    ...COLUMN_OPTIONS,
    'dry-run': { help: 'Print the result for each kind of row, and write nothing.' },
    'skip-invalid': { help: 'Import the valid rows. Default: all or nothing.' },
    ...CHANGE_OPTIONS,
  },
  example: 'keyscope import keys.csv --from unkey --agents all --permissions conversations --dry-run',
  permissionOptions: ['permissions'],
  storesTokens: true,
  run: importKeys,
};
