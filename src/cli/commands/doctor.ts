import { measureLag } from '../../store/redis/measure-lag';
import { readServerFacts, type ServerFacts } from '../../store/redis/server-facts';
import type { Command, CommandContext } from '../command';
import { EXIT, type ExitCode } from '../io';
import { type Cell, fields, toJson } from '../terminal-text';

const MODES = {
  tracking: 'pushed by Redis: changes reach every process at once',
  'per-entry': 'not pushed by Redis: processes read each key again within maxRevocationLag',
  memory: 'in memory',
  down: 'Redis does not respond',
} as const;

/** Milliseconds for each part of the check. */
const TIMEOUT = 5000;
/** In milliseconds. Larger differences make times in the audit log misleading. */
const MAX_CLOCK_DIFFERENCE = 5000;
const NOT_VISIBLE: Cell = ['not visible to this user', 'dim'];

/** A fact as a cell; its own text if the server does not say. */
function factCell<T>(fact: T | null, text: (fact: T) => Cell): Cell {
  return fact === null ? NOT_VISIBLE : text(fact);
}

function good(isGood: boolean, text: string): Cell {
  return [text, isGood ? 'green' : 'yellow'];
}

function clockText(difference: number): Cell {
  const seconds = Math.round(difference / 1000);
  if (Math.abs(difference) <= MAX_CLOCK_DIFFERENCE) return 'within 5 seconds of this machine';
  return [`${Math.abs(seconds)} seconds ${seconds > 0 ? 'ahead of' : 'behind'} this machine`, 'yellow'];
}

function settingsText({ differences }: CommandContext): Cell {
  if (differences === null) return 'no app has recorded its settings in this namespace';
  return differences.length === 0 ? ["the same as the app's", 'green'] : [`${differences.length} differ`, 'yellow'];
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MB`;
}

function memoryText({ memory, maxMemory }: ServerFacts): Cell {
  return factCell(memory, (used) =>
    maxMemory
      ? good(used < 0.9 * maxMemory, `${megabytes(used)} of ${megabytes(maxMemory)}`)
      : `${megabytes(used)}, no limit`,
  );
}

function invalidationsText({ apiKeys }: CommandContext): Cell {
  const { mode, nodes } = apiKeys.health();
  const usesResp3 = nodes.some(({ protocol }) => protocol === 'resp3');
  return good(mode === 'tracking', `${MODES[mode]}${usesResp3 ? ', over RESP3' : ''}`);
}

function entriesOf(context: CommandContext, facts: ServerFacts, lag: number | null): [string, Cell][] {
  const { apiKeys, settings } = context;
  const { nodes, lastError } = apiKeys.health();
  const entries: [string, Cell][] = [
    ['server', nodes.map(({ address }) => address).join(', ')],
    ['version', factCell(facts.version, (version) => version)],
    ['latency', factCell(facts.latency, (latency) => `${latency.toFixed(1)} ms`)],
    ['clock', factCell(facts.clockDifference, clockText)],
    ['eviction', factCell(facts.evictionPolicy, (policy) => good(!policy.startsWith('allkeys'), policy))],
    [
      'persistence',
      factCell(facts.appendOnly, (kept) => good(kept, kept ? 'append-only file' : 'no append-only file')),
    ],
    ['replicas', factCell(facts.replicas, String)],
    ['memory', memoryText(facts)],
    ['namespace', settings.namespace ?? 'keyscope'],
    ['environment', settings.environment ?? 'none'],
    ['keys', factCell(facts.keys, (keys) => `${facts.isCountComplete ? '' : 'more than '}${keys}`)],
    ['settings', settingsText(context)],
    ['invalidations', invalidationsText(context)],
    [
      'revocation',
      lag === null ? 'within maxRevocationLag' : [`${lag.toFixed(1)} ms after a change, measured`, 'green'],
    ],
    ['feeds', factCell(facts.feeds, (feeds) => `${feeds} of other processes`)],
  ];
  if (lastError !== null) entries.push(['last error', lastError]);
  return entries;
}

async function doctor(context: CommandContext): Promise<ExitCode> {
  const { apiKeys, client, io, settings, style } = context;
  const namespace = settings.namespace ?? 'keyscope';
  const facts = await readServerFacts(client, namespace, io.now, TIMEOUT);
  const lag = await measureLag(client, namespace, TIMEOUT);
  const { mode, nodes, lastError } = apiKeys.health();
  const differences = (context.differences ?? []).map(({ setting, message }) => ({
    code: `${setting}_differs`,
    message,
  }));
  // A check that is not permitted says nothing about the server.
  const notes = context.warnings.filter(({ code }) => code === 'not_checked');
  const warnings = [...context.warnings.filter(({ code }) => code !== 'not_checked'), ...differences];
  const healthy = mode !== 'down' && warnings.length === 0;
  if (context.json) {
    context.print(`${toJson({ ok: healthy, mode, nodes, lastError, ...facts, lag, warnings, notes })}\n`);
  } else {
    const count = (list: readonly unknown[]): Cell => good(list.length === 0, String(list.length));
    const entries = [...entriesOf(context, facts, lag), ['notes', String(notes.length)] as [string, Cell]];
    context.print(fields([...entries, ['warnings', count(warnings)]], style));
    const found = [...notes.map(({ message }) => ['note', message] as const), ...warnings.map(toRow)];
    if (found.length > 0) context.print(`\n${fields(found)}`);
  }
  if (mode === 'down') return EXIT.unavailable;
  if (context.values.flag('strict') && notes.length > 0) return EXIT.refused;
  return healthy ? EXIT.ok : EXIT.refused;
}

function toRow({ code, message }: { readonly code: string; readonly message: string }) {
  return [code, message] as const;
}

export const DOCTOR_COMMAND: Command = {
  name: 'doctor',
  summary: 'Check Redis and the settings for problems',
  args: [],
  options: { strict: { help: 'Exit with 1 also if a check is not permitted' } },
  example: 'keyscope doctor --redis redis://127.0.0.1:6379',
  run: doctor,
};
