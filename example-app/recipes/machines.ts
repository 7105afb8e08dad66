import type { ApiKeys, ApiKeysOptions, CreatedKey } from 'keyscope';
import { OPTIONS, type Permission } from './api-keys';

/** Allows keys that never expire. Without the option, each key has an expiry. */
export const MACHINE_OPTIONS = { ...OPTIONS, keysWithoutExpiry: true } as const satisfies ApiKeysOptions<Permission>;

/** A key of a device that no one can visit: without an expiry, so with a fixed address and a person to ask. */
export function createMachineKey(
  apiKeys: ApiKeys<Permission>,
  device: { readonly id: string; readonly address: string; readonly contact: string },
): Promise<CreatedKey<Permission>> {
  return apiKeys.keys.create({
    name: `device ${device.id}`,
    permissions: ['calls'],
    expiresIn: 'never',
    allowedIps: [device.address],
    owner: { kind: 'service', id: device.id },
    contact: device.contact,
  });
}
