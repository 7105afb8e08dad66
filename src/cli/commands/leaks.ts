import type { LeakInput, LeakReport } from '../../leaks/service';
import type { Command, CommandContext } from '../command';
import { EXIT, type ExitCode, usageError } from '../io';
import { confirm, readSecret } from '../prompts';
import { toJson } from '../terminal-text';
import { DESTROY_OPTIONS } from './common-options';

const POLICIES = ['revoke', 'disable', 'notify'];

const SENTENCES: Readonly<Record<LeakReport['outcome'], (report: LeakReport) => string>> = {
  revoked: ({ keyId }) => `The key ${keyId} is revoked.`,
  disabled: ({ keyId }) => `The key ${keyId} is disabled.`,
  notified: ({ keyId }) => `The report of the key ${keyId} is in the audit log. The key was not changed.`,
  already_revoked: ({ keyId }) => `The key ${keyId} was revoked before. Nothing was changed.`,
  unknown: () => 'No key has this token.',
};

function inputOf({ values }: CommandContext): LeakInput {
  const url = values.text('url');
  const policy = values.text('policy') ?? 'revoke';
  if (!POLICIES.includes(policy)) throw usageError(`--policy: expected ${POLICIES.join(', ')}.`);
  return {
    source: values.text('source') as string,
    policy: policy as NonNullable<LeakInput['policy']>,
    ...(url === undefined ? {} : { url }),
  };
}

async function report(context: CommandContext): Promise<ExitCode> {
  const { io, apiKeys, values, origin } = context;
  const input = inputOf(context);
  const id = values.text('id');
  if (id !== undefined && input.policy === 'revoke') {
    await confirm(context, async () => `Revoke the key ${id}? It stops working at once, permanently.`);
  }
  const subject = id ?? (await readSecret(io, 'Token: '));
  const result = await apiKeys.leaks.report(subject, input, origin);
  context.print(context.json ? `${toJson(result)}\n` : `${SENTENCES[result.outcome](result)}\n`);
  return result.outcome === 'unknown' ? EXIT.refused : EXIT.ok;
}

export const LEAKS_COMMAND: Command = {
  name: 'leaks report',
  summary: 'Report a leaked token, read from standard input',
  args: [],
  options: {
    source: {
      value: 'TEXT',
      required: '--source github',
      help: 'Where the report comes from.',
    },
    url: { value: 'URL', help: 'Where the token was found.' },
    policy: { value: 'POLICY', help: 'revoke, disable or notify. Default: revoke.' },
    id: { value: 'ID', help: 'The id of the key, instead of the token.' },
    ...DESTROY_OPTIONS,
  },
  example: 'keyscope leaks report --source github < token.txt',
  run: report,
};
