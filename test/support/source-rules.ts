import type { SourceFile } from './source-graph';

/** A broken rule: the file and the detail. */
export type Violation = string;

/** Files at the root that every folder may import, and that import nothing but each other. */
const GROUND = [
  'errors',
  'clock',
  'timeout',
  'sliced-queue',
  'features',
  'validate-input',
  'field-schemas',
  'did-you-mean',
  'pagination-cursor',
  'events',
];
/** The composition root. These files may import every folder; only they and the command line import them. */
const COMPOSITION = [
  'index',
  'unaugmented',
  'testing',
  'express-request',
  'api-keys',
  'create-api-keys',
  'create-store',
  'options',
  'resolve-options',
];

const BELOW_CACHE = ['store', 'token'];
const BELOW_SERVICES = ['cache', ...BELOW_CACHE];
const BELOW_FACES = [
  'keys',
  'projects',
  'audit',
  'usage',
  'webhooks',
  'limits',
  ...BELOW_SERVICES,
  'telemetry',
  'http',
];

/** The folders that each folder may import, in addition to the files of the root in `GROUND` and itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  token: [],
  store: ['token'],
  cache: BELOW_CACHE,
  keys: BELOW_SERVICES,
  projects: BELOW_SERVICES,
  audit: BELOW_SERVICES,
  usage: BELOW_SERVICES,
  limits: BELOW_SERVICES,
  outbox: BELOW_SERVICES,
  webhooks: ['outbox', ...BELOW_SERVICES],
  auth: BELOW_FACES,
  admin: BELOW_FACES,
  leaks: [...BELOW_FACES, 'auth'],
  cli: [...BELOW_FACES, 'leaks', ...COMPOSITION],
  http: [],
  redaction: [],
  telemetry: [],
};

/** The folders whose types each folder may import. */
const MAY_NAME: Readonly<Record<string, readonly string[]>> = {
  // It serves the reports of leaks.
  admin: ['leaks'],
  // Its options name the source of the project id in a request.
  redaction: ['http'],
  // The `store` event carries the health of the store.
  events: ['store'],
  telemetry: ['store'],
};

/** The top folder of a file, or the name of a file at the root. */
function folderOf(file: string): string {
  const [first = ''] = file.split('/');
  return first.replace(/\.ts$/, '');
}

function mayImport(from: string, to: string, typeOnly: boolean): boolean {
  const [folder, target] = [folderOf(from), folderOf(to)];
  if (folder === target || COMPOSITION.includes(folder)) return true;
  if (GROUND.includes(target)) return folder !== 'http' || target === 'errors';
  if (from.startsWith('redaction/response/') && target === 'http') return true;
  if (typeOnly && MAY_NAME[folder]?.includes(target)) return true;
  return MAY_IMPORT[folder]?.includes(target) ?? false;
}

/** Imports run one way. A folder that this file does not list may import nothing. */
export function againstTheDirections(sources: readonly SourceFile[]): Violation[] {
  return sources.flatMap(({ path, imports }) =>
    imports
      .filter(({ target, typeOnly }) => target !== null && !mayImport(path, target, typeOnly))
      .map(({ target }) => `${path} imports ${target}`),
  );
}

const KNOWS_EXPRESS =
  /^(?:auth|admin|http|leaks|redaction\/response)\/|^(?:api-keys|create-api-keys|index|(?:resolve-)?options)\.ts$/;

export function expressElsewhere(sources: readonly SourceFile[]): Violation[] {
  return sources
    .filter(
      ({ path, imports }) => !KNOWS_EXPRESS.test(path) && imports.some(({ specifier }) => specifier === 'express'),
    )
    .map(({ path }) => `${path} imports express`);
}

const REDIS_COMMAND =
  /^(?:H(?:GET|GETALL|MGET|SET|DEL|INCRBY)|Z(?:ADD|REM|RANGE|REVRANGE)(?:BYLEX|BYSCORE)?|X(?:ADD|RANGE|REVRANGE)|EVAL(?:SHA)?|S?SUBSCRIBE|MULTI|EXEC|CLIENT|CONFIG|INFO|PING|SCAN)$/i;

/**
 * Redis' commands belong to `store/redis`. One is recognised as the whole text of a string (`'HSET'`) or as a method of
 * something called a client, a pipeline or Redis (`redis.hset`).
 */
export function redisElsewhere(sources: readonly SourceFile[]): Violation[] {
  return sources
    .filter(({ path }) => !path.startsWith('store/redis/'))
    .flatMap(({ path, members, strings }) => {
      const sent = strings.filter((text) => text === text.toUpperCase() && REDIS_COMMAND.test(text));
      const called = members.filter((member) => {
        const [object = '', property = ''] = member.split('.');
        return /redis|client|pipeline/i.test(object) && REDIS_COMMAND.test(property);
      });
      return [...sent, ...called].map((found) => `${path}: ${found}`);
    });
}

/** The app brings ioredis, in its own version: the package declares the members that it needs and never loads it. */
export function ioredisAnywhere(sources: readonly SourceFile[]): Violation[] {
  return sources
    .filter(({ imports }) => imports.some(({ specifier }) => specifier === 'ioredis'))
    .map(({ path }) => `${path} imports ioredis`);
}

export function tooLong(sources: readonly SourceFile[], limit: number): Violation[] {
  return sources
    .filter(({ lineCount }) => lineCount > limit)
    .map(({ path, lineCount }) => `${path}: ${lineCount} lines`);
}

/** @param hint - In the text of every file with such a member. Others are not parsed. */
export function withMember(sources: readonly SourceFile[], pattern: RegExp, hint = /./): Violation[] {
  return sources
    .filter(({ text }) => hint.test(text))
    .flatMap(({ path, members }) =>
      members.filter((member) => pattern.test(member)).map((member) => `${path}: ${member}`),
    );
}

export function withText(sources: readonly Pick<SourceFile, 'path' | 'text'>[], pattern: RegExp): Violation[] {
  return sources.flatMap(({ path, text }) => {
    const found = pattern.exec(text);
    return found ? [`${path}: ${found[0]}`] : [];
  });
}
