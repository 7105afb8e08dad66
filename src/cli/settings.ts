import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { parseInput } from '../validate-input';
import type { Io, OptionValues } from './io';
import { usageError } from './io';
import { checkAddress } from './redis-address';

/** Settings of one run: from options, else the environment, else the configuration file. */
export interface CliSettings {
  readonly redis: readonly string[];
  readonly cluster: boolean;
  /** `keyPrefix` of the app's own client. */
  readonly keyPrefix?: string;
  readonly workspaceId?: string;
  readonly namespace?: string;
  readonly prefix?: string;
  readonly environment?: string | undefined;
  readonly defaultLifetime?: number | string;
  readonly keysWithoutExpiry?: boolean | undefined;
  readonly auditLimit?: number;
  readonly pepper?: readonly (string | null)[];
  /** The permissions that the app declares, or null if they are unknown. */
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
  environment: text.optional(),
  permissions: z.union([z.array(text).min(1), z.record(text, z.unknown())]).optional(),
  defaultLifetime: z.union([z.number(), text]).optional(),
  keysWithoutExpiry: z.boolean().optional(),
  auditLimit: z.number().optional(),
  pepperFile: text.optional(),
});
type Config = z.output<typeof configSchema>;

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** UTF-8 text without a byte order mark. Throws if the bytes are another encoding. */
function decode(bytes: Buffer): string {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  if (text.includes('\0')) throw new Error('not text');
  return text;
}

/** The text of a file. Messages leave its name out: it may be an address or the pepper itself by mistake. */
function readText(file: string, namedBy: string): string {
  try {
    return decode(readFileSync(file));
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const reason = /^E[A-Z]+$/.test(code) ? code : 'it is not UTF-8 text';
    throw usageError(`The file that ${namedBy} names cannot be read (${reason}).`);
  }
}

/** The configuration file, and the folder that its paths are relative to. */
function readConfig(io: Io, given: string | undefined): { config: Config; folder: string } {
  const file = path.resolve(io.cwd, given ?? CONFIG_FILE);
  const folder = path.dirname(file);
  let content: string;
  if (given === undefined) {
    try {
      content = decode(readFileSync(file));
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
      `${file} contains a pepper. Set KEYSCOPE_PEPPER instead, or put it into a file of its own and set \`pepperFile\`.`,
    );
  }
  try {
    return { config: parseInput(configSchema, parsed, path.basename(file), 'invalid_options'), folder };
  } catch (error) {
    // Without issues: their paths are fields of the file, not options.
    throw usageError((error as Error).message);
  }
}

/** One pepper a line: the first hashes new tokens, all verify. `none` stands for keys without a pepper. */
function readPeppers(file: string, namedBy: string): (string | null)[] {
  const lines = readText(file, namedBy)
    .split(/\r\n|\n|\r/)
    .filter((line) => line !== '');
  if (lines.length === 0) throw usageError(`The file that ${namedBy} names contains no pepper.`);
  const spaced = lines.findIndex((line) => line.trim() !== line);
  if (spaced !== -1) {
    throw usageError(`Line ${spaced + 1} of the file that ${namedBy} names begins or ends with a space. Remove it.`);
  }
  return lines.map((line) => (line === 'none' ? null : line));
}

function peppersOf(io: Io, config: Config, folder: string): (string | null)[] | undefined {
  const { KEYSCOPE_PEPPER: pepper, KEYSCOPE_PEPPER_FILE: file } = io.env;
  if (pepper) return [pepper];
  if (file) return readPeppers(path.resolve(io.cwd, file), 'KEYSCOPE_PEPPER_FILE');
  if (config.pepperFile === undefined) return undefined;
  return readPeppers(path.resolve(folder, config.pepperFile), '`pepperFile`');
}

/** Names in one string, separated by commas. */
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

/** @throws {KeyscopeError} `invalid_options` */
export function readSettings(io: Io, values: OptionValues): CliSettings {
  const { config, folder } = readConfig(io, values.text('config'));
  const { env } = io;
  const redis = values.text('redis') ?? (env.REDIS_URL || config.redis);
  if (redis === undefined)
    throw usageError('There is no address of Redis. Set REDIS_URL, --redis, or `redis` in keyscope.config.json.');
  return {
    redis: (typeof redis === 'string' ? [redis] : redis).map(checkAddress),
    cluster: values.flag('cluster') || (config.cluster ?? (typeof redis !== 'string' && redis.length > 1)),
    keyPrefix: config.keyPrefix,
    workspaceId: values.text('workspace') ?? (env.KEYSCOPE_WORKSPACE || config.workspace),
    namespace: values.text('namespace') ?? (env.KEYSCOPE_NAMESPACE || config.namespace),
    prefix: values.text('prefix') ?? (env.KEYSCOPE_PREFIX || config.prefix),
    environment: values.text('environment') ?? (env.KEYSCOPE_ENVIRONMENT || config.environment),
    defaultLifetime: config.defaultLifetime,
    keysWithoutExpiry: config.keysWithoutExpiry,
    auditLimit: config.auditLimit,
    pepper: peppersOf(io, config, folder),
    permissions: permissionsOf(io, config),
  };
}
