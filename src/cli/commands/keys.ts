import { parseDuration } from '../../keys/time';
import type { CreatedKey, CreateKeyInput, KeyMutationContext, ListKeysInput, UpdateKeyInput } from '../../keys/types';
import type { Command, CommandContext } from '../command';
import type { ExitCode } from '../io';
import { usageError } from '../io';
import { PAGE_OPTIONS, printPages } from '../paging';
import { confirm } from '../prompts';
import { toJson } from '../terminal-text';
import { CHANGE_OPTIONS, DESTROY_OPTIONS } from './common-options';
import { keyFields, keyListing, printKey } from './format-key';
import { agentsOf, EXPIRY_OPTIONS, expiryOf, permissionsOf } from './key-options';

const ID = 'ID';
const REVISION = { revision: { value: 'N', help: 'Only where the key is still at this revision.' } };
const PERMISSIONS = { value: 'A,B', multiple: true, help: 'What it may do.' };

/** Who changes the key, and which revision of it they have seen. */
function changeOf({ values, origin }: CommandContext): KeyMutationContext {
  const revision = values.text('revision');
  if (revision === undefined) return origin;
  if (!/^[1-9]\d{0,14}$/.test(revision)) throw usageError('--revision needs a whole number, at least 1.');
  return { ...origin, revision: Number(revision) };
}

/** The token alone on standard output, so that a script can take it from there; everything else beside it. */
function reveal(context: CommandContext, { key, token }: CreatedKey): void {
  if (context.json) {
    context.print(`${toJson({ key, token })}\n`);
  } else {
    context.note(keyFields(key, context).trimEnd());
    context.print(`${token}\n`);
  }
  context.note('This is the only time that the token is shown. Store it now.');
}

async function describe({ apiKeys, within, args }: CommandContext): Promise<string> {
  const { name, masked } = await apiKeys.keys.get(args[0] as string, within);
  return `${JSON.stringify(name)} (${masked})`;
}

async function create(context: CommandContext): Promise<undefined> {
  const { apiKeys, values, origin } = context;
  const [name, agents, permissions] = [values.text('name'), agentsOf(context), permissionsOf(context)];
  if (name === undefined) throw usageError('Give the key a name: --name "CRM export".');
  if (agents.length === 0)
    throw usageError('Say which agents the key is for: --agents all, or their ids: --agents a1,a2.');
  if (permissions.length === 0) throw usageError('Say what the key may do: --permissions NAME,NAME.');
  const input: CreateKeyInput = { name, agents, permissions, ...expiryOf(context) };
  reveal(context, await apiKeys.keys.create(input, origin));
}

async function list(context: CommandContext): Promise<undefined> {
  const { values, apiKeys, within } = context;
  const filter: Record<string, string> = {};
  for (const [option, field] of [
    ['search', 'q'],
    ['sort', 'sort'],
    ['order', 'order'],
  ] as const) {
    const given = values.text(option);
    if (given !== undefined) filter[field] = given;
  }
  const read = async (page: { limit: number; cursor?: string }) => {
    const { keys, cursor } = await apiKeys.keys.list({ ...within, ...filter, ...page } as ListKeysInput);
    return { items: keys, cursor };
  };
  await printPages(context, read, keyListing(context));
}

async function show(context: CommandContext): Promise<undefined> {
  printKey(context, await context.apiKeys.keys.get(context.args[0] as string, context.within));
}

async function update(context: CommandContext, changes: UpdateKeyInput): Promise<undefined> {
  printKey(context, await context.apiKeys.keys.update(context.args[0] as string, changes, changeOf(context)));
}

async function edit(context: CommandContext): Promise<undefined> {
  const [name, permissions] = [context.values.text('name'), permissionsOf(context)];
  if (name === undefined && permissions.length === 0) {
    throw usageError('Say what to change: --name or --permissions. Agents and expiry are fixed when a key is made.');
  }
  await update(context, {
    ...(name === undefined ? {} : { name }),
    ...(permissions.length === 0 ? {} : { permissions }),
  });
}

async function rotate(context: CommandContext): Promise<undefined> {
  const { values, apiKeys, args } = context;
  const given = values.text('overlap');
  if (given === undefined) {
    throw usageError('Say for how long the old key goes on working: --overlap 24h, or --overlap 0 for not a moment.');
  }
  const overlap = given === '0' ? 0 : given;
  const change = changeOf(context);
  if (parseDuration(overlap) === 0) {
    await confirm(context, async () => `Replace ${await describe(context)}, which stops working at once?`);
  }
  reveal(context, await apiKeys.keys.rotate(args[0] as string, { overlap, ...expiryOf(context) }, change));
}

async function remove(context: CommandContext): Promise<undefined> {
  const { apiKeys, args } = context;
  const change = changeOf(context);
  await confirm(context, async () => `Delete ${await describe(context)}? It stops working at once.`);
  await apiKeys.keys.delete(args[0] as string, change);
  if (context.json) context.print(`${toJson({ id: args[0], deleted: true })}\n`);
  else context.note('Deleted.');
}

function switching(disabled: boolean): (context: CommandContext) => Promise<ExitCode | undefined> {
  return (context) => update(context, { disabled });
}

export const KEY_COMMANDS: readonly Command[] = [
  {
    name: 'keys create',
    summary: 'Make a key, and print its token once',
    args: [],
    options: {
      name: { value: 'TEXT', help: 'What people context it. Required.' },
      agents: { value: 'all|A,B', multiple: true, help: 'The agents it reaches. Required; cannot be changed later.' },
      agent: { value: ID, multiple: true, help: 'One more of them, as it is: for ids with commas.' },
      permissions: { ...PERMISSIONS, help: 'What it may do. Required.' },
      ...EXPIRY_OPTIONS,
      ...CHANGE_OPTIONS,
    },
    permissionOptions: ['permissions'],
    run: create,
  },
  {
    name: 'keys list',
    summary: "List a workspace's keys",
    args: [],
    options: {
      search: { value: 'TEXT', help: 'Only those with this in their name.' },
      sort: { value: 'FIELD', help: 'created, name or expires. Default created.' },
      order: { value: 'ORDER', help: 'asc or desc. Default: newest first, else from the start.' },
      ...PAGE_OPTIONS,
    },
    run: list,
  },
  { name: 'keys show', summary: 'Show one key', args: [ID], options: {}, run: show },
  {
    name: 'keys edit',
    summary: 'Change a name or permissions',
    args: [ID],
    options: {
      name: { value: 'TEXT', help: 'A new name.' },
      permissions: { ...PERMISSIONS, help: 'All that it may do from now on.' },
      ...REVISION,
      ...CHANGE_OPTIONS,
    },
    permissionOptions: ['permissions'],
    run: edit,
  },
  {
    name: 'keys rotate',
    summary: 'Replace a key by a new one of the same scope',
    args: [ID],
    options: {
      overlap: {
        value: 'DURATION',
        help: 'For how long the old one goes on working: 24h; 0 = not a moment. Required.',
      },
      ...EXPIRY_OPTIONS,
      ...REVISION,
      ...DESTROY_OPTIONS,
    },
    run: rotate,
  },
  {
    name: 'keys enable',
    summary: 'Let a disabled key work again',
    args: [ID],
    options: { ...REVISION, ...CHANGE_OPTIONS },
    run: switching(false),
  },
  {
    name: 'keys disable',
    summary: 'Refuse a key until it is enabled again',
    args: [ID],
    options: { ...REVISION, ...CHANGE_OPTIONS },
    run: switching(true),
  },
  {
    name: 'keys delete',
    summary: 'Delete a key for ever',
    args: [ID],
    options: { ...REVISION, ...DESTROY_OPTIONS },
    run: remove,
  },
];
