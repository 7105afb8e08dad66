import type { KeySelection } from '../../keys/selection';
import type { Command, CommandContext } from '../command';
import { printList } from '../paging';
import { confirm } from '../prompts';
import { toJson } from '../terminal-text';
import { DESTROY_OPTIONS } from './common-options';
import { FILTER_OPTIONS, filterOptionsOf } from './filter-options';
import { keyListing } from './format-key';

/** Asks with the number of keys, unless `--dry-run` is given, and changes them. */
function changingAll(method: 'revokeAll' | 'disableAll'): (context: CommandContext) => Promise<undefined> {
  const [verb, past] = method === 'revokeAll' ? ['Delete', 'deleted'] : ['Disable', 'disabled'];
  const counted = (count: number) => (count === 1 ? '1 key' : `${count} keys`);
  return async function run(context) {
    const { apiKeys, values, origin } = context;
    const selection = selectionOf(context);
    const dryRun = values.flag('dry-run');
    const change = (dry: boolean) => apiKeys.keys[method](selection, { ...origin, dryRun: dry });
    if (!dryRun) {
      await confirm(context, async () => `${verb} ${counted((await change(true)).count)}? They stop working at once.`);
    }
    const { count, sample } = await change(dryRun);
    if (context.json) context.print(`${toJson({ dryRun, count, sample })}\n`);
    else {
      if (dryRun) printList(context, sample, keyListing(context));
      context.note(dryRun ? `${counted(count)} would be ${past}.` : `${counted(count)} ${past}.`);
    }
  };
}

function selectionOf(context: CommandContext): KeySelection {
  const q = context.values.text('search');
  return {
    ...filterOptionsOf(context),
    ...(q !== undefined && { q }),
    ...(context.values.flag('all') && { all: true as const }),
  };
}

const SELECTION_OPTIONS = {
  search: { value: 'TEXT', help: 'Keys with this in their name, id or masked token.' },
  ...FILTER_OPTIONS,
  all: { help: 'Every key of the workspace.' },
  'dry-run': { help: 'Count the keys, and change none.' },
  ...DESTROY_OPTIONS,
};

/** Commands that change all keys of a selection. */
export const BULK_COMMANDS: readonly Command[] = [
  {
    name: 'keys revoke-all',
    summary: 'Delete all keys that match',
    args: [],
    options: SELECTION_OPTIONS,
    example: 'keyscope keys revoke-all --owner user:u-17 --dry-run',
    run: changingAll('revokeAll'),
  },
  {
    name: 'keys disable-all',
    summary: 'Disable all keys that match',
    args: [],
    options: SELECTION_OPTIONS,
    example: 'keyscope keys disable-all --unused-for 90d --dry-run',
    run: changingAll('disableAll'),
  },
];
