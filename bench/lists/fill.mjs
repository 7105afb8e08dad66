import { nameOf } from '../management/fill.mjs';

export const WORKSPACE = 'ws-large';
/** Keys in progress at once. */
const CONCURRENCY = 256;

/** One key in `share` has the value; undefined: it has none. */
const oneIn = (share, index, value) => (index % share === share - 1 ? value : undefined);

/** Inputs of keys that differ as those of a large customer do. */
function inputOf(index) {
  return {
    workspaceId: WORKSPACE,
    name: nameOf(index),
    agents: index % 3 === 0 ? 'all' : [`PROJECT-${index % 40}`, `PROJECT-${100 + (index % 300)}`],
    permissions: oneIn(1000, index, ['conversations', 'handoff']) ?? ['conversations'],
    expiresIn: `${30 + (index % 300)}d`,
    owner: { kind: 'user', id: `u-${index % 1000}` },
    metadata: {
      customer: `c-${index % 1000}`,
      ...(oneIn(1000, index, { team: 'billing', ticket: `OPS-${index}` }) ?? { team: `team-${index % 20}` }),
    },
    createdBy: oneIn(1000, index, 'eve@example.com') ?? `ops-${index % 7}@example.com`,
  };
}

/** Creates `count` keys in one workspace. One key in 1,000 is disabled. */
export async function fill({ keys }, count, onProgress) {
  let next = 0;
  async function work() {
    while (next < count) {
      const index = next++;
      const { key } = await keys.create(inputOf(index));
      if (oneIn(1000, index, true)) await keys.update(key.id, { disabled: true });
      if (index % 10_000 === 0) onProgress(index);
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
}
