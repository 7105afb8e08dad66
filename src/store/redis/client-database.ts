import type { RedisClient } from './client';

/** The database that a client is for: that of its options. The feed and the connection for changes are in it. */
export function databaseOf(client: RedisClient): number {
  return Number((client.options as { db?: unknown }).db ?? 0);
}

/** The database that the app has last selected; that of the options if it has selected none. */
function selectedDatabase(client: RedisClient): number {
  const { condition } = client as { condition?: { select?: unknown } | null };
  return Number(condition?.select ?? databaseOf(client));
}

/**
 * Why a client must not be read from, if its database is the reason; null if it is in its own. ioredis continues in
 * database 0 if the server rejects the selection of another.
 *
 * @param actual - The database that the server has reported; null if it is unknown.
 */
export function databaseProblem(client: RedisClient, actual: number | null): string | null {
  const [wanted, selected] = [databaseOf(client), selectedDatabase(client)];
  const present = selected === wanted ? (actual ?? wanted) : selected;
  if (present === wanted) return null;
  if (present === 0 && selected === wanted) {
    return `the server has no database ${wanted}, or the app has sent RESET; the client is in database 0`;
  }
  return `the app has sent SELECT ${present} on the client, which is for database ${wanted}; give keyscope a client of its own`;
}
