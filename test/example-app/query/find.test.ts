import { createConversations } from '../../../example-app/data/conversations';
import { createDirectory } from '../../../example-app/data/directory';
import type { Conversation } from '../../../example-app/data/model';
import { type Filter, parseFilter } from '../../../example-app/query/filter';
import { type Continuation, find } from '../../../example-app/query/find';

const directory = createDirectory();
const project = directory.project('acme-billing')!;
const conversations = createConversations(project, Date.UTC(2026, 7, 1, 12));
const whole = Array.from({ length: conversations.count }, (_, position) => conversations.whole(position));

function filterOf(query: Record<string, string | string[]>): Filter {
  return parseFilter(query, project);
}

function page(
  query: Record<string, string | string[]>,
  random?: () => number,
): Continuation & { found: Conversation[] } {
  const found: Conversation[] = [];
  const generator = find(project, conversations, filterOf(query), random);
  let step = generator.next();
  while (!step.done) {
    found.push(step.value);
    step = generator.next();
  }
  return { found, ...step.value };
}

const TIMES = { start_time: '2026-01-01', end_time: '2026-09-01' };
const ids = (found: readonly Conversation[]) => found.map(({ id }) => id);
const live = whole.filter(({ environment }) => environment === 'live');

test('paging by cursor returns every match once and ends', () => {
  const seen: string[] = [];
  let cursor: string | null = null;
  let pages = 0;
  do {
    const next: ReturnType<typeof page> = page({ limit: '70', ...(cursor !== null && { cursor }) });
    seen.push(...ids(next.found));
    cursor = next.cursor;
    pages += 1;
  } while (cursor !== null);
  expect(seen).toEqual(ids(live));
  expect(pages).toBe(Math.ceil(live.length / 70));
});

test('paging by offset returns the same matches and the next offset', () => {
  const first = page({ limit: '10' });
  const second = page({ limit: '10', offset: String(first.next_offset) });
  expect(ids([...first.found, ...second.found])).toEqual(ids(live.slice(0, 20)));
  expect(second.next_offset).toBe(20);
  expect(ids(page({ limit: '10', cursor: first.cursor! }).found)).toEqual(ids(second.found));
});

test('the last page has a null cursor and no next_offset', () => {
  expect(page({ limit: '5', offset: String(live.length - 5) })).not.toHaveProperty('next_offset');
  expect(page({ limit: '5', offset: String(live.length - 5) }).cursor).toBeNull();
  expect(page({ offset: '100000' })).toEqual({ found: [], cursor: null });
});

test.each<[string, Record<string, string | string[]>, (conversation: Conversation) => boolean]>([
  ['environment', { client_env: 'sandbox' }, (each) => each.environment === 'sandbox'],
  ['channel', { channel: 'CHAT' }, (each) => each.channel === 'CHAT'],
  ['several channels', { channel: ['CHAT', 'WEBCHAT'] }, (each) => each.channel !== 'VOICE-SIP'],
  ['variant name', { variant_name: '東京' }, (each) => each.variant_name === '東京'],
  ['variant id', { variant_id: whole[5]!.variant_id }, (each) => each.variant_id === whole[5]!.variant_id],
  ['channel in another case', { channel: 'webchat' }, (each) => each.channel === 'WEBCHAT'],
  ['channel by its prose name', { channel: 'voice' }, (each) => each.channel === 'VOICE-SIP'],
  ['a channel that no conversation has', { channel: 'FAX' }, () => false],
  ['being in progress', { in_progress: 'true' }, (each) => each.in_progress],
  ['being over', { in_progress: 'false' }, (each) => !each.in_progress],
  ['start', { start_time: live[200]!.started_at }, (each) => each.started_at >= live[200]!.started_at],
  ['end', { end_time: live[200]!.started_at }, (each) => each.started_at < live[200]!.started_at],
])('find filters by %s', (_what, query, wanted) => {
  const environment = query.client_env ?? 'live';
  const expected = whole.filter((each) => each.environment === environment && wanted(each));
  expect(ids(page({ limit: '1000', ...query }).found)).toEqual(ids(expected));
  expect(expected.length).toBeLessThan(whole.length);
});

test('latency is returned only when it is asked for', () => {
  const plain = page({}).found[0]!.turns;
  const asked = page({ include_latency: 'true' }).found[0]!.turns;
  expect(plain.every((turn) => !('latency' in turn))).toBe(true);
  expect(asked.every((turn) => typeof turn.latency === 'number')).toBe(true);
});

const WINDOW = { start_time: '2026-01-01', end_time: '2026-09-01', limit: '1000' };

test('a transcript search finds the words of the speaker that was asked for, in any case', () => {
  const said = (by: (turn: Conversation['turns'][number]) => string, text: string) =>
    ids(live.filter(({ turns }) => turns.some((turn) => by(turn).includes(text))));
  const search = (query: Record<string, string>) => ids(page({ ...WINDOW, query_type: 'transcript', ...query }).found);

  const user = search({ query: 'WHERE my order', turn_type: 'user' });
  expect(user).toEqual(said((turn) => `${turn.user_input} ${turn.translated_user_input}`, 'where my order'));
  expect(user.length).toBeGreaterThan(0);
  expect(search({ query: 'warehouse', turn_type: 'user' })).toEqual([]);
  expect(search({ query: 'WAREHOUSE', turn_type: 'agent' }).length).toBeGreaterThan(0);
  expect(search({ query: 'الفاتورة' }).length).toBeGreaterThan(0);
});

test('a semantic search finds turns that share enough words', () => {
  const search = (query: string) => page({ ...WINDOW, query_type: 'semantic', query }).found.length;
  expect(search('order where')).toBeGreaterThan(0);
  expect(search('quantum chromodynamics')).toBe(0);
});

test('a sample has the size that was asked for, in order, without pages', () => {
  const positions = new Map(live.map(({ id }, position) => [id, position]));
  const sample = page({ limit: '20', sample: 'random', ...TIMES });
  expect(sample.cursor).toBeNull();
  expect(sample).not.toHaveProperty('next_offset');
  const chosen = ids(sample.found).map((id) => positions.get(id)!);
  expect(new Set(chosen).size).toBe(20);
  expect(chosen).toEqual(chosen.toSorted((a, b) => a - b));
  // Always the highest number: nothing is ever replaced. Always zero: the first place is, by the last match.
  expect(ids(page({ limit: '3', sample: 'random', ...TIMES }, () => 0.999_999).found)).toEqual(ids(live.slice(0, 3)));
  expect(ids(page({ limit: '3', sample: 'random', ...TIMES }, () => 0).found).at(-1)).toBe(live.at(-1)!.id);
});
