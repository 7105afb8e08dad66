import { listNames } from '../../did-you-mean';
import { parseDuration } from '../../keys/time';
import type { CreatedKey, CreateKeyInput, KeyMutationContext, ListKeysInput, UpdateKeyInput } from '../../keys/types';
import type { Command, CommandContext, OptionSpecs } from '../command';
import type { ExitCode } from '../io';
import { usageError } from '../io';
import { PAGE_OPTIONS, printPages } from '../paging';
import { confirm, readSecret } from '../prompts';
import { toJson } from '../terminal-text';
import { BULK_COMMANDS } from './bulk-commands';
import { CHANGE_OPTIONS, DESTROY_OPTIONS } from './common-options';
import { FILTER_OPTIONS, filterOptionsOf } from './filter-options';
import { keyFields, keyListing, printKey } from './format-key';
import { agentsOf, COLUMN_OPTIONS, columnsOf, EXPIRY_OPTIONS, expiryOf, permissionsOf } from './key-options';

const ID = 'ID';
const REVISION = { revision: { value: 'N', help: 'Only if the key still has this revision.' } };
const PERMISSIONS = { value: 'A,B', multiple: true };
const FIXED = 'it is fixed when a key is created. Create another key, or rotate this one for another expiry.';

/** The actor, and the expected revision of the key. */
function changeOf({ values, origin }: CommandContext): KeyMutationContext {
  const revision = values.text('revision');
  if (revision === undefined) return origin;
  if (!/^[1-9]\d{0,14}$/.test(revision)) throw usageError('--revision: expected a whole number, at least 1.');
  return { ...origin, revision: Number(revision) };
}

/** Prints the token alone on standard output, for scripts. Notes go to standard error. */
function reveal(context: CommandContext, { key, token }: CreatedKey): void {
  if (context.json) {
    context.print(`${toJson({ key, token })}\n`);
  } else {
    for (const line of keyFields(key, context).trimEnd().split('\n')) context.note(line);
    context.print(`${token}\n`);
  }
  context.note('This is the only time that the token is shown. Store it now.');
}

async function describe({ apiKeys, within, args }: CommandContext): Promise<string> {
  const { name, masked } = await apiKeys.keys.get(args[0] as string, within);
  return `${JSON.stringify(name)} (${masked})`;
}

function inputOf(context: CommandContext): CreateKeyInput {
  const agents = agentsOf(context);
  return {
    name: context.values.text('name') as string,
    agents: agents.length === 0 ? 'all' : agents,
    permissions: permissionsOf(context),
    ...expiryOf(context),
    ...columnsOf(context),
  };
}

async function create(context: CommandContext): Promise<undefined> {
  reveal(context, await context.apiKeys.keys.create(inputOf(context), context.origin));
}

async function ensure(context: CommandContext): Promise<undefined> {
  const token = await readSecret(context.io, 'Token: ');
  printKey(context, await context.apiKeys.keys.ensure({ ...inputOf(context), token }, context.origin));
}

async function list(context: CommandContext): Promise<undefined> {
  const { values, apiKeys, within } = context;
  const given: Record<string, unknown> = filterOptionsOf(context);
  for (const [option, field] of [
    ['search', 'q'],
    ['sort', 'sort'],
    ['order', 'order'],
  ] as const) {
    const text = values.text(option);
    if (text !== undefined) given[field] = text;
  }
  const read = async (page: { limit: number; cursor?: string }) => {
    const { keys, cursor } = await apiKeys.keys.list({ ...within, ...given, ...page } as ListKeysInput);
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
  const changes: UpdateKeyInput = {
    ...(name === undefined ? {} : { name }),
    ...(permissions.length === 0 ? {} : { permissions }),
    ...columnsOf(context),
  };
  if (Object.keys(changes).length === 0) {
    const names = ['name', 'permissions', ...Object.keys(COLUMN_OPTIONS)].map((option) => `--${option}`);
    throw usageError(`\`keyscope keys edit\` needs at least one of ${listNames(names)}. See --help.`);
  }
  await update(context, changes);
}

async function rotate(context: CommandContext): Promise<undefined> {
  const { values, apiKeys, args } = context;
  const given = values.text('overlap') as string;
  const overlap = given === '0' ? 0 : given;
  const change = changeOf(context);
  if (parseDuration(overlap) === 0) {
    await confirm(context, async () => `Replace ${await describe(context)}? It stops working at once.`);
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

const CREATE_OPTIONS: OptionSpecs = {
  name: { value: 'TEXT', required: '--name "CRM export"', help: 'Name of the key.' },
  permissions: { ...PERMISSIONS, required: '--permissions A,B', help: 'Permissions of the key.' },
  agents: { value: 'all|A,B', multiple: true, help: 'Agents of the key. Fixed at creation. Default: all.' },
  agent: { value: ID, multiple: true, help: 'One agent id, verbatim: for ids with commas.' },
  ...EXPIRY_OPTIONS,
  ...COLUMN_OPTIONS,
  ...CHANGE_OPTIONS,
};

export const KEY_COMMANDS: readonly Command[] = [
  {
    name: 'keys create',
    summary: 'Create a key, and print its token once',
    args: [],
    options: CREATE_OPTIONS,
    example: 'keyscope keys create --name "CRM export" --permissions conversations --expires-in 90d',
    permissionOptions: ['permissions'],
    storesTokens: true,
    run: create,
  },
  {
    name: 'keys ensure',
    summary: 'Create the key of a token, read from standard input, or give it this state',
    args: [],
    options: CREATE_OPTIONS,
    example: 'keyscope keys ensure --name development --permissions conversations < token.txt',
    permissionOptions: ['permissions'],
    storesTokens: true,
    run: ensure,
  },
  {
    name: 'keys list',
    summary: "List a workspace's keys",
    args: [],
    options: {
      search: { value: 'TEXT', help: 'Keys with this in their name, id or masked token.' },
      sort: { value: 'FIELD', help: 'created, name or expires. Default: created.' },
      order: { value: 'ORDER', help: 'asc or desc. Default: newest first, names from A, soonest expiry first.' },
      ...FILTER_OPTIONS,
      ...PAGE_OPTIONS,
    },
    example: 'keyscope keys list --sort expires --limit 10',
    run: list,
  },
  {
    name: 'keys show',
    summary: 'Show a key',
    args: [ID],
    options: {},
    example: 'keyscope keys show 8MPCk2Rw0dQzLx7V',
    run: show,
  },
  {
    name: 'keys edit',
    summary: 'Change a key',
    args: [ID],
    options: {
      name: { value: 'TEXT', help: 'The new name.' },
      permissions: { ...PERMISSIONS, help: 'All permissions that the key has from now on.' },
      ...COLUMN_OPTIONS,
      ...REVISION,
      ...CHANGE_OPTIONS,
    },
    example: 'keyscope keys edit 8MPCk2Rw0dQzLx7V --permissions conversations,handoff',
    unavailable: { agents: FIXED, agent: FIXED, 'expires-in': FIXED, 'expires-at': FIXED },
    permissionOptions: ['permissions'],
    run: edit,
  },
  {
    name: 'keys rotate',
    summary: 'Replace a key by a new one with the same scope',
    args: [ID],
    options: {
      overlap: {
        value: 'DURATION',
        required: '--overlap 24h',
        help: 'How long the old key continues to work: 24h; 0 revokes it at once.',
      },
      ...EXPIRY_OPTIONS,
      ...REVISION,
      ...DESTROY_OPTIONS,
    },
    example: 'keyscope keys rotate 8MPCk2Rw0dQzLx7V --overlap 24h',
    unavailable: {
      agents: 'the new key has the scope of the old one. Create another key for other agents.',
      permissions: 'the new key has the scope of the old one. Change it with `keyscope keys edit`.',
    },
    storesTokens: true,
    run: rotate,
  },
  {
    name: 'keys enable',
    summary: 'Enable a disabled key',
    args: [ID],
    options: { ...REVISION, ...CHANGE_OPTIONS },
    example: 'keyscope keys enable 8MPCk2Rw0dQzLx7V',
    run: switching(false),
  },
  {
    name: 'keys disable',
    summary: 'Disable a key until it is enabled again',
    args: [ID],
    options: { ...REVISION, ...CHANGE_OPTIONS },
    example: 'keyscope keys disable 8MPCk2Rw0dQzLx7V',
    run: switching(true),
  },
  {
    name: 'keys delete',
    summary: 'Delete a key permanently',
    args: [ID],
    options: { ...REVISION, ...DESTROY_OPTIONS },
    example: 'keyscope keys delete 8MPCk2Rw0dQzLx7V',
    run: remove,
  },
  ...BULK_COMMANDS,
];
