import type { Conversations } from '../../../example-app/data/conversations';
import type { Conversation } from '../../../example-app/data/model';
import { createPlatformData } from '../../../example-app/data/platform-data';

const NOW = Date.UTC(2026, 7, 1, 12);
const data = createPlatformData(NOW);
const project = data.project('acme-team-4')!;
const conversations = data.conversationsOf(project);

function all(from: Conversations): Conversation[] {
  return Array.from({ length: from.count }, (_, position) => from.whole(position));
}

describe('the directory', () => {
  test('the directory has two workspaces, one of them with several projects', () => {
    expect(data.workspaces.length).toBeGreaterThanOrEqual(2);
    expect(data.projects.filter(({ workspaceId }) => workspaceId === 'ws-fd112d8f').length).toBeGreaterThan(2);
    for (const { workspaceId } of data.projects) expect(data.workspace(workspaceId)?.id).toBe(workspaceId);
  });

  test('the directory finds workspaces and projects by id and slug', () => {
    expect(data.workspace('acme-uk')).toBe(data.workspace('ws-fd112d8f'));
    expect(data.project('PROJECT-58RP822I')).toBe(project);
    for (const name of ['', 'ACME-UK', '__proto__', 'constructor', 'acme-team-4 ']) {
      expect(data.workspace(name)).toBeUndefined();
      expect(data.project(name)).toBeUndefined();
    }
  });
});

describe('the conversations', () => {
  const page = all(conversations);

  test('conversations are the same at every start, relative to now', () => {
    const again = createPlatformData(NOW);
    expect(again.conversationsOf(again.project(project.id)!).whole(17)).toEqual(page[17]);
  });

  test('conversations have distinct ids and are numbered from the newest to the oldest', () => {
    expect(data.projects.reduce((sum, each) => sum + each.conversations, 0)).toBeGreaterThan(5000);
    expect(new Set(page.map(({ id }) => id)).size).toBe(page.length);
    const starts = page.map(({ started_at }) => Date.parse(started_at));
    expect(starts).toEqual(starts.toSorted((a, b) => b - a));
    for (const { id } of page) expect(id).toMatch(/^CA[0-9a-f]{32}$/);
  });

  test('conversations are found by their ids and shared ids', () => {
    for (const position of [0, 1, 500, page.length - 1]) {
      expect(conversations.positionOf(page[position]!.id)).toBe(position);
    }
    const shared = page.findIndex((_, position) => conversations.facts(position).sharedId !== null);
    expect(conversations.positionOfShared(conversations.facts(shared).sharedId!)).toBe(shared);
    expect(conversations.positionOf('CA00000000000000000000000000000000')).toBeUndefined();
  });

  test('conversations agree with the facts that filters read', () => {
    for (const [position, conversation] of page.slice(0, 200).entries()) {
      const facts = conversations.facts(position);
      expect(conversation).toMatchObject({
        id: facts.id,
        started_at: new Date(facts.startedAt).toISOString(),
        environment: facts.environment,
        channel: facts.channel,
        variant_id: facts.variantId,
        variant_name: facts.variantName,
        in_progress: facts.inProgress,
        handoff: facts.handoff,
      });
    }
  });

  test('conversations count their turns, silences and out-of-domain turns', () => {
    for (const { turns, num_turns, num_silences, num_ood } of page) {
      expect([
        turns.length,
        turns.filter((turn) => turn.is_silence).length,
        turns.filter((turn) => turn.is_ood).length,
      ]).toEqual([num_turns, num_silences, num_ood]);
    }
  });

  test('metrics are strings or arrays of at least two strings', () => {
    const values = page.flatMap(({ metrics }) => Object.values(metrics));
    const lists = values.filter((value) => Array.isArray(value));
    expect(lists.length).toBeGreaterThan(0);
    expect(lists.length).toBeLessThan(values.length);
    for (const list of lists) expect(list.length).toBeGreaterThanOrEqual(2);
    expect(values).toContain('');
  });

  test('conversations repeat the handoff metrics only after a handoff', () => {
    for (const conversation of page) {
      const { handoff, handoff_reason, handoff_destination, metrics } = conversation;
      expect([handoff_reason, handoff_destination]).toEqual([metrics.HANDOFF_REASON, metrics.HANDOFF_TO]);
      expect('handoff_reason' in conversation).toBe(handoff);
    }
  });

  test('turns contain emoji, Chinese characters, right-to-left text and empty strings, never null', () => {
    const text = JSON.stringify(page.map(({ turns }) => turns));
    expect(text).toMatch(/\p{Extended_Pictographic}/u);
    expect(text).toMatch(/\p{Script=Han}/u);
    expect(text).toMatch(/\p{Script=Arabic}/u);
    expect(text).toMatch(/\p{Script=Hebrew}/u);
    expect(text).toContain('""');
    expect(text).not.toContain('null');
  });
});
