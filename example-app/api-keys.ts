import { type ApiKeysOptions, createApiKeys } from 'keyscope';
import { sendKeyscopeError } from './envelope';

/** What keys of this platform can be allowed to do. */
export const PERMISSIONS = {
  conversations: { label: 'Conversations data', description: 'Retrieve conversation transcripts and metadata' },
  handoff: { label: 'Handoff', description: 'Read handoff details' },
  external_events: { label: 'External events', description: 'Send events to active conversations' },
} as const;
export type Permission = keyof typeof PERMISSIONS;

/** keyscope as this platform uses it: its permissions, its error envelope. */
export function createPlatformKeys(options: Omit<ApiKeysOptions<Permission>, 'permissions' | 'onError'> = {}) {
  return createApiKeys<Permission>({ ...options, permissions: PERMISSIONS, onError: sendKeyscopeError });
}
export type PlatformKeys = ReturnType<typeof createPlatformKeys>;
