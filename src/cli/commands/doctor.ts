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

/** In milliseconds. Larger differences make times in the audit log misleading. */
const MAX_CLOCK_DIFFERENCE = 5000;

function clockText({ clockDifference }: ServerFacts): Cell {
  const seconds = Math.round(clockDifference / 1000);
  if (Math.abs(clockDifference) <= MAX_CLOCK_DIFFERENCE) return 'within 5 seconds of this machine';
  return [`${Math.abs(seconds)} seconds ${seconds > 0 ? 'ahead of' : 'behind'} this machine`, 'yellow'];
}

function settingsText({ differences }: CommandContext): Cell {
  if (differences === null) return 'no app has recorded its settings in this namespace';
  return differences.length === 0 ? ["the same as the app's", 'green'] : [`${differences.length} differ`, 'yellow'];
}

async function doctor(context: CommandContext): Promise<ExitCode> {
  const { apiKeys, client, io, settings, style } = context;
  const { mode, nodes, lastError } = apiKeys.health();
  const differences = (context.differences ?? []).map(({ setting, message }) => ({
    code: `${setting}_differs`,
    message,
  }));
  const warnings = [...context.warnings, ...differences];
  const facts = await readServerFacts(client, io.now);
  const healthy = mode !== 'down' && warnings.length === 0;
  if (context.json) {
    context.print(`${toJson({ ok: healthy, mode, nodes, lastError, ...facts, warnings })}\n`);
  } else {
    const entries: [string, Cell][] = [
      ['server', nodes.map(({ address }) => address).join(', ')],
      ['version', facts.version],
      ['latency', `${facts.latency.toFixed(1)} ms`],
      ['clock', clockText(facts)],
      ['namespace', settings.namespace ?? 'keyscope'],
      ['settings', settingsText(context)],
      ['invalidations', MODES[mode]],
    ];
    if (lastError !== null) entries.push(['last error', lastError]);
    entries.push(['warnings', warnings.length === 0 ? ['0', 'green'] : [String(warnings.length), 'yellow']]);
    context.print(fields(entries, style));
    if (warnings.length > 0)
      context.print(`\n${fields(warnings.map(({ code, message }) => [code, message] as const))}`);
  }
  if (mode === 'down') return EXIT.unavailable;
  return healthy ? EXIT.ok : EXIT.refused;
}

export const DOCTOR_COMMAND: Command = {
  name: 'doctor',
  summary: 'Check Redis and the settings for problems',
  args: [],
  options: {},
  example: 'keyscope doctor --redis redis://127.0.0.1:6379',
  run: doctor,
};
