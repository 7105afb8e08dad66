import type { Command, CommandContext } from '../command';
import { EXIT, type ExitCode } from '../io';
import { readSecret } from '../prompts';
import { fields, timeFormat, toJson } from '../terminal-text';

type VerifyOptions = NonNullable<Parameters<CommandContext['apiKeys']['verify']>[1]>;

function optionsOf({ values, within }: CommandContext): VerifyOptions {
  const permission = values.text('permission');
  return {
    ...within,
    ...(permission === undefined ? {} : { permission }),
    // Whether the token is good, wherever: without an agent, keys for some agents are good too.
    agentId: values.text('agent') ?? false,
  };
}

async function verify(context: CommandContext): Promise<ExitCode> {
  const { io, apiKeys } = context;
  const token = await readSecret(io, 'Token: ');
  const result = await apiKeys.verify(token, optionsOf(context));
  if (!result.ok) {
    const { error } = result;
    // A store that does not answer has refused nothing.
    if (context.json && error.code !== 'store_unavailable') {
      context.print(`${toJson({ ok: false, code: error.code, message: error.message })}\n`);
    }
    throw error;
  }
  const { id, name, workspaceId, permissions, expiresAt, scope } = result.key;
  const { agents } = scope;
  if (context.json) {
    context.print(`${toJson({ ok: true, key: { id, name, workspaceId, permissions, agents, expiresAt } })}\n`);
    return EXIT.ok;
  }
  context.print(
    fields([
      ['id', id],
      ['name', name],
      ['workspace', workspaceId],
      ['agents', agents === 'all' ? 'all' : agents.join(', ')],
      ['permissions', permissions.join(', ')],
      ['expires', timeFormat(io)(expiresAt)],
    ]),
  );
  return EXIT.ok;
}

export const VERIFY_COMMAND: Command = {
  name: 'verify',
  summary: 'Say whether a token, read from standard input, is good',
  args: [],
  options: {
    permission: { value: 'NAME', help: 'And whether it may do this.' },
    agent: { value: 'ID', help: 'And whether it reaches this agent.' },
  },
  permissionOptions: ['permission'],
  run: verify,
};
