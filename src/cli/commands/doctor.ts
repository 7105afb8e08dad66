import type { Command, CommandContext } from '../command';
import { EXIT, type ExitCode } from '../io';
import { fields, toJson } from '../terminal-text';

const MODES = {
  tracking: 'Redis tells of every change',
  'per-entry': 'Redis does not tell of changes: what was read is trusted for a moment, then read again',
  memory: 'in memory',
  down: 'Redis does not answer',
} as const;

async function doctor(context: CommandContext): Promise<ExitCode> {
  const { apiKeys, warnings, settings } = context;
  const { mode, nodes, lastError } = apiKeys.health();
  const healthy = mode !== 'down' && warnings.length === 0;
  if (context.json) {
    context.print(`${toJson({ ok: healthy, mode, nodes, lastError, warnings })}\n`);
  } else {
    const namespace = settings.namespace ?? 'keyscope';
    const servers = nodes.map(({ address }) => address).join(', ');
    context.print(
      fields([
        ['server', servers],
        ['namespace', namespace],
        ['changes', MODES[mode]],
        ...(lastError === null ? [] : [['last error', lastError] as const]),
        ['warnings', String(warnings.length)],
      ]),
    );
    if (warnings.length > 0)
      context.print(`\n${fields(warnings.map(({ code, message }) => [code, message] as const))}`);
  }
  if (mode === 'down') return EXIT.unavailable;
  return healthy ? EXIT.ok : EXIT.refused;
}

export const DOCTOR_COMMAND: Command = {
  name: 'doctor',
  summary: 'Look at the Redis that keys are in, and say what endangers them',
  args: [],
  options: {},
  run: doctor,
};
