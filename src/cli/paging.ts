import type { CommandContext, OptionSpecs } from './command';
import { usageError } from './io';
import { table, toJson } from './terminal-text';

export const PAGE_OPTIONS: OptionSpecs = {
  limit: { value: 'N', help: 'At most so many. Default 50.' },
  all: { help: 'All there are.' },
  cursor: { value: 'CURSOR', help: 'Where an earlier list ended.' },
};

const DEFAULT_LIMIT = 50;
/** What one page may hold. */
const MAX_PAGE = 200;

interface Page<T> {
  readonly items: readonly T[];
  readonly cursor: string | null;
}

/** How a list is shown to people. */
export interface Listing<T> {
  readonly headings: readonly string[];
  row(item: T): readonly string[];
  /** What to say where there is nothing. */
  readonly none: string;
}

function limitOf({ values }: CommandContext): number {
  const given = values.text('limit');
  if (values.flag('all')) {
    if (given !== undefined) throw usageError('Give --limit or --all, not both.');
    return Number.POSITIVE_INFINITY;
  }
  if (given === undefined) return DEFAULT_LIMIT;
  if (!/^[1-9]\d{0,8}$/.test(given)) throw usageError('--limit needs a whole number, at least 1.');
  return Number(given);
}

/** Rows for people, lines of JSON for programs. */
export function printList<T>(context: CommandContext, items: readonly T[], { headings, row, none }: Listing<T>): void {
  if (context.json) context.print(items.map((item) => `${toJson(item)}\n`).join(''));
  else if (items.length > 0) context.print(table(headings, items.map(row)));
  else context.note(none);
}

/** Reads page after page until there is enough, or no more. */
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
    // Lines can go out as they come; a table's columns depend on all of it.
    if (context.json) printList(context, page.items, listing);
    else shown.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== null && count < limit);
  if (!context.json) printList(context, shown, listing);
  if (cursor !== null) context.note(`There are more: --all, or --cursor ${cursor}`);
}
