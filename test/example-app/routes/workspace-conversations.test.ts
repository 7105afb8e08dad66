import { createPlatform, data, OTHER_WORKSPACE, PROJECT, SILENT_PROJECT, WORKSPACE } from '../support';

interface Listed {
  readonly id: string;
  readonly project_id: string;
  readonly started_at: string;
  readonly turns: readonly unknown[];
  readonly metrics: object;
}

const PATH = '/v3/conversations';
const DAY = 24 * 60 * 60 * 1000;
let platform: Awaited<ReturnType<typeof createPlatform>>;

beforeAll(async () => {
  platform = await createPlatform();
});

const read = async (query: string, token: string): Promise<{ conversations: Listed[]; cursor: string | null }> =>
  (await platform.get(PATH + query, token).expect(200)).body;
const projectsIn = (conversations: readonly Listed[]) => [...new Set(conversations.map((each) => each.project_id))];

test('the list of a workspace has all its projects, the newest conversation first', async () => {
  const { conversations } = await read('?limit=200', await platform.mint());
  const expected = data.projects.filter(
    ({ workspaceId, conversations: count }) => workspaceId === WORKSPACE && count > 0,
  );
  expect(projectsIn(conversations).toSorted()).toEqual(expected.map(({ id }) => id).toSorted());
  const starts = conversations.map(({ started_at: at }) => at);
  expect(starts).toEqual(starts.toSorted().toReversed());
});

test('the list of a workspace redacts each conversation by its own project', async () => {
  for (const limit of [50, 500]) {
    const { conversations } = await read(`?limit=${limit}`, await platform.mint());
    for (const { project_id: project, turns, metrics } of conversations) {
      if (project === PROJECT) expect([turns.length > 0, Object.keys(metrics).length > 0]).toEqual([true, true]);
      else expect([turns, metrics]).toEqual([[], {}]);
    }
    expect(projectsIn(conversations)).toContain(SILENT_PROJECT);
  }
});

test('the list of a workspace has only the agents of a restricted key', async () => {
  const { conversations } = await read('?limit=50', await platform.mint(['conversations'], [SILENT_PROJECT]));
  expect(projectsIn(conversations)).toEqual([SILENT_PROJECT]);
  const other = await read('?limit=50', await platform.mint(['conversations'], 'all', OTHER_WORKSPACE));
  expect(other.conversations.map(({ id }) => id)).not.toContain(conversations[0]!.id);
});

test('paging by cursor returns each conversation of the workspace once', async () => {
  const token = await platform.mint(['conversations'], [PROJECT, SILENT_PROJECT]);
  const whole = await read('?limit=90', token);
  const ids: string[] = [];
  let cursor: string | null = '';
  for (let pages = 0; pages < 3 && cursor !== null; pages++) {
    const page: Awaited<ReturnType<typeof read>> = await read(`?limit=30${cursor && `&cursor=${cursor}`}`, token);
    ids.push(...page.conversations.map(({ id }) => id));
    cursor = page.cursor;
  }
  expect(ids).toEqual(whole.conversations.map(({ id }) => id));
});

test('a search of the workspace covers the projects that enable their transcript', async () => {
  const time = (days: number) => new Date(Date.now() + days * DAY).toISOString();
  const query = `?query_type=transcript&query=order&start_time=${time(-30)}&end_time=${time(1)}`;
  const { conversations } = await read(query, await platform.mint());
  expect(projectsIn(conversations)).toEqual([PROJECT]);
});

test('the list of a workspace responds 401 without a key, 403 without the permission and 400 for a bad filter', async () => {
  await platform.get(PATH).expect(401);
  await platform.get(PATH, await platform.mint(['handoff'])).expect(403);
  await platform.get(`${PATH}?limit=1001`, await platform.mint()).expect(400);
});
