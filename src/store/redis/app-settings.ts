import { z } from 'zod';
import { within } from '../../timeout';
import { type AppSettings, FORMAT } from '../app-settings';
import type { RedisClient } from './client';
import { databaseOf } from './client-database';
import { RECORD_APP } from './scripts/app-settings.lua';

const recordSchema = z.object({
  format: z.number(),
  prefix: z.string(),
  environment: z.string().nullable().optional(),
  keysWithoutExpiry: z.boolean().optional(),
  permissions: z.array(z.string()),
  peppers: z.array(z.string()),
});

const keyOf = (namespace: string) => `${namespace}:app`;

function parse(text: unknown): AppSettings | null {
  try {
    return recordSchema.parse(JSON.parse(String(text)));
  } catch {
    return null;
  }
}

/** Settings of the app that started last, or null if none are recorded or the record is unreadable. */
export async function readAppSettings(
  client: RedisClient,
  namespace: string,
  timeout: number,
): Promise<AppSettings | null> {
  const text = await within(timeout, client.call('GET', keyOf(namespace)));
  return text === null ? null : parse(text);
}

/** Records an app's settings. Resolves with the settings recorded before, or null if there were none. */
export async function recordAppSettings(
  client: RedisClient,
  namespace: string,
  settings: Omit<AppSettings, 'format'>,
  timeout: number,
): Promise<AppSettings | null> {
  const record = JSON.stringify({ format: FORMAT, ...settings });
  const database = String(databaseOf(client));
  const before = await within(timeout, client.call('eval', RECORD_APP, '1', keyOf(namespace), database, record));
  return before === null ? null : parse(before);
}
