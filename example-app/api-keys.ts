import { type ApiKeysOptions, createApiKeys } from 'keyscope';
import { sendKeyscopeError } from './envelope';

/** The permissions of this platform. */
export const PERMISSIONS = {
  conversations: { label: 'Conversations data', description: 'Retrieve conversation transcripts and metadata' },
  handoff: { label: 'Handoff', description: 'Read handoff details', features: [] },
  external_events: { label: 'External events', description: 'Send events to active conversations', features: [] },
} as const;
export type Permission = keyof typeof PERMISSIONS;

/** keyscope with the permissions and the error envelope of this platform. */
export function createPlatformKeys(options: Omit<ApiKeysOptions<Permission>, 'permissions' | 'onError'> = {}) {
  return createApiKeys<Permission>({ ...options, permissions: PERMISSIONS, onError: sendKeyscopeError });
}
export type PlatformKeys = ReturnType<typeof createPlatformKeys>;
