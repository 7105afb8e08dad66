import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { parseInput } from '../validate-input';
import type { Io, OptionValues } from './io';
import { usageError } from './io';

/** What holds for a whole run, put together from options, the environment and the configuration file, in this order. */
export interface CliSettings {
  readonly redis: readonly string[];
  readonly cluster: boolean;
  /** What the app's own client puts before every key. */
  readonly keyPrefix?: string;
  readonly workspaceId?: string;
  readonly namespace?: string;
  readonly prefix?: string;
  readonly defaultLifetime?: number | string;
  readonly auditLimit?: number;
  readonly pepper?: readonly (string | null)[];
  /** The permissions that the app declares; null where nobody says. */
  readonly permissions: readonly string[] | null;
}

const CONFIG_FILE = 'keyscope.config.json';

const text = z.string().min(1);
const configSchema = z.strictObject({
  redis: z.union([text, z.array(text).min(1)]).optional(),
  cluster: z.boolean().optional(),
  keyPrefix: text.optional(),
  workspace: text.optional(),
  namespace: text.optional(),
  prefix: text.optional(),
  permissions: z.union([z.array(text).min(1), z.record(text, z.unknown())]).optional(),
  defaultLifetime: z.union([z.number(), text]).optional(),
  auditLimit: z.number().optional(),
  pepperFile: text.optional(),
});
type Config = z.output<typeof configSchema>;

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** A file that somebody has named. Where there is none, the name may be something else: an address, the pepper itself. */
function readText(file: string, namedBy: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    throw usageError(`The file that ${namedBy} names cannot be read (${code}).`);
  }
}

/** The configuration file, and the folder that its paths start from. */
function readConfig(io: Io, given: string | undefined): { config: Config; folder: string } {
  const file = path.resolve(io.cwd, given ?? CONFIG_FILE);
  const folder = path.dirname(file);
  let content: string;
  if (given === undefined) {
    try {
      content = readFileSync(file, 'utf8');
    } catch (error) {
      if (isMissing(error)) return { config: {}, folder };
      throw usageError(`The configuration file ${file} cannot be read.`);
    }
  } else content = readText(file, '--config');
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch {
    throw usageError(`The configuration file ${file} is not JSON.`);
  }
  if (typeof parsed === 'object' && parsed !== null && 'pepper' in parsed) {
    throw usageError(
      `${file}: a pepper does not belong there. Put it into KEYSCOPE_PEPPER, or into a file of its own and name that as \`pepperFile\`.`,
    );
  }
  return { config: parseInput(configSchema, parsed, path.basename(file), 'invalid_options'), folder };
}

/** A pepper a line: the first signs, all verify; `none` stands for keys made without one. */
function readPeppers(file: string, namedBy: string): (string | null)[] {
  const lines = readText(file, namedBy)
    .split(/\r?\n/)
    .filter((line) => line !== '');
  if (lines.length === 0) throw usageError(`The file of peppers ${file} is empty.`);
  return lines.map((line) => (line === 'none' ? null : line));
}

function peppersOf(io: Io, config: Config, folder: string): (string | null)[] | undefined {
  const { KEYSCOPE_PEPPER: pepper, KEYSCOPE_PEPPER_FILE: file } = io.env;
  if (pepper) return [pepper];
  if (file) return readPeppers(path.resolve(io.cwd, file), 'KEYSCOPE_PEPPER_FILE');
  if (config.pepperFile === undefined) return undefined;
  return readPeppers(path.resolve(folder, config.pepperFile), '`pepperFile`');
}

/** Names in one text, separated by commas. */
export function splitNames(given: string): string[] {
  return given
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function permissionsOf(io: Io, { permissions }: Config): string[] | null {
  const given = splitNames(io.env.KEYSCOPE_PERMISSIONS ?? '');
  if (given.length > 0) return given;
  if (permissions === undefined) return null;
  return Array.isArray(permissions) ? permissions : Object.keys(permissions);
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function checkAddress(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '') {
    throw usageError('The address of Redis is not one: give it as redis://127.0.0.1:6379, or rediss://… for TLS.');
  }
  // Clients decode both, and throw an error that has the password in its stack.
  if (!isDecodable(url.username) || !isDecodable(url.password)) {
    throw usageError(
      'The user or the password in the address of Redis has a percent sign that encodes nothing: write it as %25.',
    );
  }
  return address;
}

/** @throws {KeyscopeError} `invalid_options` */
export function readSettings(io: Io, values: OptionValues): CliSettings {
  const { config, folder } = readConfig(io, values.text('config'));
  const { env } = io;
  const redis = values.text('redis') ?? (env.REDIS_URL || config.redis);
  if (redis === undefined)
    throw usageError('Say where Redis is: with REDIS_URL, --redis, or `redis` in keyscope.config.json.');
  return {
    redis: (typeof redis === 'string' ? [redis] : redis).map(checkAddress),
    cluster: values.flag('cluster') || (config.cluster ?? (typeof redis !== 'string' && redis.length > 1)),
    keyPrefix: config.keyPrefix,
    workspaceId: values.text('workspace') ?? (env.KEYSCOPE_WORKSPACE || config.workspace),
    namespace: values.text('namespace') ?? (env.KEYSCOPE_NAMESPACE || config.namespace),
    prefix: values.text('prefix') ?? (env.KEYSCOPE_PREFIX || config.prefix),
    defaultLifetime: config.defaultLifetime,
    auditLimit: config.auditLimit,
    pepper: peppersOf(io, config, folder),
    permissions: permissionsOf(io, config),
  };
}
