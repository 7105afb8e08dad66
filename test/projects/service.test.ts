import { createProjectService, type ProjectServiceDeps } from '../../src/projects/service';
import { createMemoryStore } from '../../src/store/memory';
import { generateToken } from '../../src/token/generate';
import { refusal, refusedPaths } from '../keys/setup';
import { fakeClock } from '../support/clock';

const NOW = Date.UTC(2030, 0, 1);

function setup(deps: Partial<ProjectServiceDeps> = {}) {
  const clock = fakeClock(NOW);
  const store = createMemoryStore({ clock });
  return { clock, store, projects: createProjectService({ store, clock, ...deps }) };
}

const nothing = (projectId: string) => ({
  projectId,
  transcript: false,
  metrics: [],
  updatedAt: null,
  configured: false,
});

describe("a project's configuration", () => {
  test('projects.get returns nothing enabled when nothing was set', async () => {
    const { projects } = setup();
    expect(await projects.get('p1')).toEqual(nothing('p1'));
    expect(await projects.list()).toEqual([]);
  });

  test('projects.get returns the last configuration as a whole', async () => {
    const { projects, clock } = setup();
    const first = { projectId: 'p1', transcript: true, metrics: ['CALL_COMPLETED'], configured: true };
    expect(await projects.set('p1', { transcript: true, metrics: ['CALL_COMPLETED'] })).toEqual({
      ...first,
      updatedAt: new Date(NOW),
    });
    expect(await projects.get('p1')).toEqual({ ...first, updatedAt: new Date(NOW) });
    clock.advance(5);
    await projects.set('p1', { transcript: false, metrics: 'all' });
    expect(await projects.get('p1')).toEqual({
      ...first,
      transcript: false,
      metrics: 'all',
      updatedAt: new Date(NOW + 5),
    });
  });

  test('projects.get distinguishes a configuration with nothing enabled from none', async () => {
    const { projects } = setup();
    await projects.set('p1', { transcript: false, metrics: [] });
    expect(await projects.get('p1')).toEqual({ ...nothing('p1'), updatedAt: new Date(NOW), configured: true });
  });

  test('projects.clear removes the configuration, and can be called again', async () => {
    const { projects } = setup();
    await projects.set('p1', { transcript: true, metrics: 'all' });
    expect(await projects.clear('p1')).toEqual(nothing('p1'));
    expect(await projects.get('p1')).toEqual(nothing('p1'));
    expect(await projects.clear('p1')).toEqual(nothing('p1'));
  });

  test('projects.get returns the configuration of one workspace only', async () => {
    const { projects } = setup();
    await projects.set('p1', { transcript: true, metrics: 'all' }, { workspaceId: 'acme' });
    expect(await projects.get('p1')).toEqual(nothing('p1'));
    expect(await projects.list()).toEqual([]);
    await projects.clear('p1');
    expect((await projects.get('p1', { workspaceId: 'acme' })).transcript).toBe(true);
    await projects.clear('p1', { workspaceId: 'acme' });
    expect((await projects.get('p1', { workspaceId: 'acme' })).configured).toBe(false);
  });

  test('projects.set accepts any name of a project', async () => {
    const { projects } = setup();
    for (const id of ['__proto__', 'constructor', 'Łódź 😀', 'x'.repeat(128)]) {
      expect((await projects.get(id)).configured).toBe(false);
      await projects.set(id, { transcript: true, metrics: ['__proto__'] });
      expect(await projects.get(id)).toMatchObject({ projectId: id, transcript: true, metrics: ['__proto__'] });
    }
  });

  test('projects.set and projects.get copy the list of metrics', async () => {
    const { projects } = setup();
    const metrics = ['A'];
    await projects.set('p1', { transcript: true, metrics });
    metrics.push('B');
    ((await projects.get('p1')).metrics as string[]).push('C');
    expect((await projects.get('p1')).metrics).toEqual(['A']);
  });
});

test('projects are listed in the order of their ids', async () => {
  const { projects } = setup();
  for (const id of ['b', 'a10', 'a9', 'C', 'ä']) await projects.set(id, { transcript: false, metrics: [] });
  expect((await projects.list()).map(({ projectId }) => projectId)).toEqual(['C', 'a10', 'a9', 'b', 'ä']);
});

test('changes are recorded with who made them and from where', async () => {
  const { projects, store } = setup();
  const context = { actor: 'ops', source: '192.0.2.1', workspaceId: 'acme' };
  await projects.set('p1', { transcript: true, metrics: ['A'] }, context);
  await projects.clear('p1', context);
  const { entries } = await store.listAudit({ workspaceId: 'acme', limit: 9, before: null });
  expect(entries.map(({ action }) => action)).toEqual(['project.cleared', 'project.configured']);
  for (const entry of entries)
    expect(entry).toMatchObject({ actor: 'ops', source: '192.0.2.1', target: 'p1', at: NOW });
});

describe('a configuration that is wrong', () => {
  test('projects.set rejects a token as id or metric and does not repeat it', async () => {
    const { projects, store } = setup();
    const { token } = generateToken('ks', 'default');
    const features = { transcript: true, metrics: [] };
    for (const [call, path] of [
      [projects.set(token, features), 'projectId'],
      [projects.set('p1', { ...features, metrics: ['A', token] }), 'metrics.1'],
      [projects.set('p1', features, { actor: token }), 'actor'],
      [projects.clear('p1', { workspaceId: token }), 'workspaceId'],
    ] as const) {
      const error = await refusal(call);
      expect(error).toMatchObject({ code: 'invalid_request', issues: [{ path }] });
      expect(JSON.stringify([error.issues, error.message])).not.toContain(token.slice(-38));
    }
    expect((await store.listAudit({ workspaceId: 'default', limit: 9, before: null })).entries).toEqual([]);
  });

  test('projects.set rejects a token and half of one in any member', async () => {
    const { projects } = setup();
    const wrong: [unknown, string[]][] = [
      [{ transcript: true }, ['metrics']],
      [{ metrics: 'all' }, ['transcript']],
      [{}, ['metrics', 'transcript']],
      [{ transcript: 'true', metrics: 'ALL' }, ['metrics', 'transcript']],
      [{ transcript: true, metrics: ['A', 'B', 'A'] }, ['metrics.2']],
      [{ transcript: true, metrics: ['A', 'all'] }, ['metrics.1']],
      [
        { transcript: true, metrics: ['', 'x'.repeat(201), 'a\0', 7] },
        ['metrics.0', 'metrics.1', 'metrics.2', 'metrics.3'],
      ],
      [{ transcript: true, metrics: Array.from({ length: 1001 }, (_, index) => `M${index}`) }, ['metrics']],
      [{ transcript: true, metrics: [], transcripts: true }, ['transcripts']],
      [undefined, ['']],
      [null, ['']],
    ];
    for (const [input, paths] of wrong) expect(await refusedPaths(projects.set('p1', input as never))).toEqual(paths);
    expect((await projects.get('p1')).configured).toBe(false);
  });

  test('projects.set accepts values at their limits', async () => {
    const { projects } = setup();
    const metrics = Array.from({ length: 1000 }, (_, index) => `M${index}`.padEnd(200, 'x'));
    expect((await projects.set('p1', { transcript: true, metrics })).metrics).toEqual(metrics);
  });

  test('projects.set rejects an empty id and an undefined workspace', async () => {
    const { projects } = setup();
    const features = { transcript: true, metrics: 'all' } as const;
    for (const id of ['', ' p1', 'x'.repeat(129), 'a\0', undefined, null, 7] as string[]) {
      expect(await refusedPaths(projects.get(id))).toEqual(['projectId']);
      expect(await refusedPaths(projects.set(id, features))).toEqual(['projectId']);
      expect(await refusedPaths(projects.clear(id))).toEqual(['projectId']);
    }
    for (const context of [{ workspaceId: undefined }, { workspaceId: '' }, { workspaceId: null }] as never[]) {
      expect(await refusedPaths(projects.get('p1', context))).toEqual(['workspaceId']);
      expect(await refusedPaths(projects.set('p1', features, context))).toEqual(['workspaceId']);
      expect(await refusedPaths(projects.clear('p1', context))).toEqual(['workspaceId']);
      expect(await refusedPaths(projects.list(context))).toEqual(['workspaceId']);
    }
    const error = await refusal(projects.set('p1', features, { workspace: 'acme' } as never));
    expect(error.message).toContain('Did you mean "workspaceId"?');
  });
});
