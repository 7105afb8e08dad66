import type { ApiKeys, KeyEvent } from 'keyscope';
import type { Permission } from './api-keys';

/** Sends a message to the person who is responsible for a key. */
export type Notify = (contact: string, text: string) => Promise<void>;

const NOTICES: Partial<Record<KeyEvent['type'], string>> = {
  rotated: 'was rotated',
  disabled: 'was disabled',
  expiring: 'expires soon',
  exposed: 'was found in public and no longer works',
};

/** Tells the contact of a key what happened to it, and returns the projects that were configured, by id. */
export function watchKeys(apiKeys: ApiKeys<Permission>, notify: Notify): ReadonlyMap<string, string> {
  // An event can be delivered again. In an app of its own, the ids are in the database of the notices.
  const sent = new Set<string>();
  apiKeys.on('key', async ({ id, type, target, name }) => {
    const text = NOTICES[type];
    if (text === undefined || sent.has(id)) return;
    const { contact } = await apiKeys.keys.get(target);
    // If it rejects, the event is delivered again.
    if (contact !== null) await notify(contact, `Your API key ${name} ${text}.`);
    sent.add(id);
  });
  const projects = new Map<string, string>();
  apiKeys.on('project', ({ target, type }) => projects.set(target, type));
  return projects;
}
