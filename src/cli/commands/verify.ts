import type { Command, CommandContext } from '../command';
import { EXIT, type ExitCode } from '../io';
import { readSecret } from '../prompts';
import { fields, toJson } from '../terminal-text';
import { expiryText, fullTime } from '../time-text';

type VerifyOptions = NonNullable<Parameters<CommandContext['apiKeys']['verify']>[1]>;

function optionsOf({ values, within }: CommandContext): VerifyOptions {
  const permission = values.text('permission');
  const ip = values.text('ip');
  return {
    ...within,
    ...(ip === undefined ? {} : { ip }),
    ...(permission === undefined ? {} : { permission }),
    // Without --agent, keys for some agents are valid also.
    agentId: values.text('agent') ?? false,
  };
}

async function verify(context: CommandContext): Promise<ExitCode> {
  const { io, apiKeys } = context;
  const token = await readSecret(io, 'Token: ');
  const result = await apiKeys.verify(token, optionsOf(context));
  if (!result.ok) {
    const { error } = result;
    // If the store is unavailable, the token was not checked.
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
      ['expires', expiryText(expiresAt, (at) => fullTime(at, io.now()))],
    ]),
  );
  return EXIT.ok;
}

export const VERIFY_COMMAND: Command = {
  name: 'verify',
  summary: 'Check a token, read from standard input',
  args: [],
  options: {
    permission: { value: 'NAME', help: 'Check that the key has this permission.' },
    agent: { value: 'ID', help: 'Check that this agent is in the scope of the key.' },
    ip: {
      value: 'ADDRESS',
      help: 'Check that the key is accepted from this address. Required if it has --allowed-ips.',
    },
  },
  example: 'keyscope verify --permission conversations < token.txt',
  permissionOptions: ['permission'],
  run: verify,
};
