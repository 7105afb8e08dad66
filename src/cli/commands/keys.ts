import { parseDuration } from '../../keys/time';
import type { CreatedKey, CreateKeyInput, KeyMutationContext, ListKeysInput, UpdateKeyInput } from '../../keys/types';
import type { Call, Command } from '../command';
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
function changeOf({ values, origin }: Call): KeyMutationContext {
  const revision = values.text('revision');
  if (revision === undefined) return origin;
  if (!/^[1-9]\d{0,14}$/.test(revision)) throw usageError('--revision needs a whole number, at least 1.');
  return { ...origin, revision: Number(revision) };
}

/** The token alone on standard output, so that a script can take it from there; everything else beside it. */
function reveal(call: Call, { key, token }: CreatedKey): void {
  if (call.json) {
    call.print(`${toJson({ key, token })}\n`);
  } else {
    call.note(keyFields(key, call).trimEnd());
    call.print(`${token}\n`);
  }
  call.note('This is the only time that the token is shown. Store it now.');
}

async function describe({ apiKeys, within, args }: Call): Promise<string> {
  const { name, masked } = await apiKeys.keys.get(args[0] as string, within);
  return `${JSON.stringify(name)} (${masked})`;
}

async function create(call: Call): Promise<undefined> {
  const { apiKeys, values, origin } = call;
  const [name, agents, permissions] = [values.text('name'), agentsOf(call), permissionsOf(call)];
  if (name === undefined) throw usageError('Give the key a name: --name "CRM export".');
  if (agents.length === 0)
    throw usageError('Say which agents the key is for: --agents all, or their ids: --agents a1,a2.');
  if (permissions.length === 0) throw usageError('Say what the key may do: --permissions NAME,NAME.');
  const input: CreateKeyInput = { name, agents, permissions, ...expiryOf(call) };
  reveal(call, await apiKeys.keys.create(input, origin));
}

async function list(call: Call): Promise<undefined> {
  const { values, apiKeys, within } = call;
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
  await printPages(call, read, keyListing(call));
}

async function show(call: Call): Promise<undefined> {
  printKey(call, await call.apiKeys.keys.get(call.args[0] as string, call.within));
}

async function update(call: Call, changes: UpdateKeyInput): Promise<undefined> {
  printKey(call, await call.apiKeys.keys.update(call.args[0] as string, changes, changeOf(call)));
}

async function edit(call: Call): Promise<undefined> {
  const [name, permissions] = [call.values.text('name'), permissionsOf(call)];
  if (name === undefined && permissions.length === 0) {
    throw usageError('Say what to change: --name or --permissions. Agents and expiry are fixed when a key is made.');
  }
  await update(call, { ...(name === undefined ? {} : { name }), ...(permissions.length === 0 ? {} : { permissions }) });
}

async function rotate(call: Call): Promise<undefined> {
  const { values, apiKeys, args } = call;
  const given = values.text('overlap');
  if (given === undefined) {
    throw usageError('Say for how long the old key goes on working: --overlap 24h, or --overlap 0 for not a moment.');
  }
  const overlap = given === '0' ? 0 : given;
  const change = changeOf(call);
  if (parseDuration(overlap) === 0) {
    await confirm(call, async () => `Replace ${await describe(call)}, which stops working at once?`);
  }
  reveal(call, await apiKeys.keys.rotate(args[0] as string, { overlap, ...expiryOf(call) }, change));
}

async function remove(call: Call): Promise<undefined> {
  const { apiKeys, args } = call;
  const change = changeOf(call);
  await confirm(call, async () => `Delete ${await describe(call)}? It stops working at once.`);
  await apiKeys.keys.delete(args[0] as string, change);
  if (call.json) call.print(`${toJson({ id: args[0], deleted: true })}\n`);
  else call.note('Deleted.');
}

function switching(disabled: boolean): (call: Call) => Promise<ExitCode | undefined> {
  return (call) => update(call, { disabled });
}

export const KEY_COMMANDS: readonly Command[] = [
  {
    name: 'keys create',
    summary: 'Make a key, and print its token once',
    args: [],
    options: {
      name: { value: 'TEXT', help: 'What people call it. Required.' },
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
