import type { CommandContext, OptionSpecs } from './command';
import { usageError } from './io';
import { type Cell, type Column, table, toJson } from './terminal-text';

export const PAGE_OPTIONS: OptionSpecs = {
  limit: { value: 'N', help: 'Maximum number of entries. Default 50.' },
  all: { help: 'All entries.' },
  cursor: { value: 'CURSOR', help: 'Position at which an earlier list ended.' },
};

const DEFAULT_LIMIT = 50;
/** Maximum of one page. */
const MAX_PAGE = 200;

interface Page<T> {
  readonly items: readonly T[];
  readonly cursor: string | null;
}

/** A list as a table. */
export interface Listing<T> {
  readonly columns: readonly Column[];
  row(item: T): readonly Cell[];
  /** The note for an empty list. */
  readonly none: string;
}

function limitOf({ values }: CommandContext): number {
  const given = values.text('limit');
  if (values.flag('all')) {
    if (given !== undefined) throw usageError('Give --limit or --all, not both.');
    return Number.POSITIVE_INFINITY;
  }
  if (given === undefined) return DEFAULT_LIMIT;
  if (!/^[1-9]\d{0,8}$/.test(given)) throw usageError('--limit: expected a whole number, at least 1.');
  return Number(given);
}

/** Prints a table, or lines of JSON. */
export function printList<T>(context: CommandContext, items: readonly T[], { columns, row, none }: Listing<T>): void {
  if (context.json) context.print(items.map((item) => `${toJson(item)}\n`).join(''));
  else if (items.length > 0) context.print(table(columns, items.map(row), context.style));
  else context.note(none);
}

/** Reads pages until the limit is reached, or the end. */
export async function printPages<T>(
  context: CommandContext,
  read: (page: { limit: number; cursor?: string }) => Promise<Page<T>>,
  listing: Listing<T>,
): Promise<void> {
  const limit = limitOf(context);
  const shown: T[] = [];
  let count = 0;
  let cursor: string | null = context.values.text('cursor') ?? null;
  do {
    const page: Page<T> = await read({
      limit: Math.min(MAX_PAGE, limit - count),
      ...(cursor === null ? {} : { cursor }),
    });
    count += page.items.length;
    // Lines are printed at once. The columns of a table depend on all rows.
    if (context.json) printList(context, page.items, listing);
    else shown.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== null && count < limit);
  if (!context.json) printList(context, shown, listing);
  if (cursor !== null) context.note(`There are more: --all, or --cursor ${cursor}`);
}
