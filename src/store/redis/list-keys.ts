import type { Clock } from '../../clock';
import { boundAfter, readPosition } from '../position';
import type { KeyRecord } from '../records';
import type { KeyPage, KeyQuery } from '../store';
import { fillPage } from './fill-page';
import type { Layout } from './layout';
import type { ReadKey } from './read-key';
import type { Reads } from './reads';
import { unreadable } from './unavailable';

/** Index positions that one step of a search looks at. */
const SEARCH_STEP = 1000;

export interface ListKeysOptions {
  readonly reads: Reads;
  readonly readKey: ReadKey;
  readonly layout: Layout;
  readonly clock: Clock;
  /** Milliseconds after which a search leaves the rest to the next page. */
  readonly patience: number;
}

export function createListKeys({ reads, readKey, layout, clock, patience }: ListKeysOptions) {
  function readPositions({ workspaceId, sort, order }: KeyQuery, after: string | null, count: number) {
    const key = layout.index(workspaceId, sort);
    const [first, last, ...reverse] = order === 'asc' ? ['-', '+'] : ['+', '-', 'REV'];
    const from = after === null ? (first as string) : `(${boundAfter(after, order)}`;
    return reads.read({
      name: 'zrange',
      key,
      args: [from, last as string, 'BYLEX', ...reverse, 'LIMIT', '0', String(count)],
      decode(reply): string[] {
        if (Array.isArray(reply) && reply.every((item) => typeof item === 'string')) return reply;
        throw unreadable(key);
      },
    });
  }

  return async function listKeys(query: KeyQuery): Promise<KeyPage> {
    const { q, sort, limit, after } = query;
    const { entries, next } = await fillPage<string, KeyRecord>(
      {
        readItems: (place, count) => readPositions(query, place, count),
        placeOf: (position) => position,
        matches: (position) => q === '' || readPosition(position, sort).name.includes(q),
        load: (positions) => Promise.all(positions.map((position) => readKey(readPosition(position, sort).id))),
        idOf: (key) => key.id,
      },
      { limit, after, step: q === '' ? null : SEARCH_STEP, clock, patience },
    );
    return { keys: entries, next };
  };
}
