/** The workspace with the most keys. */
export const LARGE = 'ws-large';
const IN_LARGE = 100_000;
const IN_OTHERS = 1000;

const WHATS = ['CRM', 'Analytics', 'Data warehouse', 'Contact centre', 'Zapier', 'Reporting', 'Backup', 'QA'];
const WHERES = ['Zürich', 'Osaka', 'São Paulo', 'Kraków', 'Leeds', 'Austin', 'Dakar', 'Pune', 'Oulu', 'Perth'];

/** A name such as people give their keys. The number between `#` is there once. */
export function nameOf(index) {
  return `${WHATS[index % WHATS.length]} ${WHERES[Math.floor(index / WHATS.length) % WHERES.length]} #${index}#`;
}

const UNDER_WAY = 256;

/**
 * Makes so many keys, the first of them in one large workspace and the rest in small ones, and gives tokens of some of
 * them, taken from all over.
 */
export async function fill({ keys }, total, onProgress) {
  const tokens = [];
  const keep = Math.max(1, Math.floor(total / 20_000));
  let next = 0;
  async function work() {
    while (next < total) {
      const index = next++;
      const workspaceId = index < IN_LARGE ? LARGE : `ws-${Math.floor(index / IN_OTHERS)}`;
      const input = { workspaceId, name: nameOf(index), agents: ['PROJECT-58RP822I'], permissions: ['conversations'] };
      const { token } = await keys.create({ ...input, expiresIn: `${30 + (index % 300)}d` });
      if (index % keep === 0) tokens.push(token);
      if (index % 10_000 === 0) onProgress(index);
    }
  }
  await Promise.all(Array.from({ length: UNDER_WAY }, work));
  return tokens;
}
