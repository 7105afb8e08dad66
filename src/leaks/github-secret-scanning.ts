import type { KeyObject } from 'node:crypto';
import type { Request } from 'express';
import { z } from 'zod';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import type { Middleware } from '../http/middleware';
import { parseJson, readRawBody } from '../http/read-body';
import { LEAK_POLICIES, type LeakPolicy } from '../store/leak-report';
import { parseInput } from '../validate-input';
import { FetchedKeys, type GithubPublicKeys, parseKeys, verifySignature } from './github-keys';
import { type ServeDeps, sendJson, servePost } from './serve';
import { isShowableUrl, type ReportToken } from './service';

/** Options of `githubSecretScanning`. */
export interface GithubSecretScanningOptions {
  /**
   * Public keys of GitHub, or a function that returns them, or a promise of them: a body of GitHub's API can be returned as
   * it is. The result is cached for an hour; an unknown identifier fetches again, at most once a minute.
   *
   * @example () => fetch('https://api.github.com/meta/public_keys/secret_scanning').then((res) => res.json())
   */
  readonly publicKeys: GithubPublicKeys | (() => unknown);
  /** Policy for the keys of reported tokens. Default: `leakPolicy` of the app. */
  readonly policy?: LeakPolicy;
  /** The longest body that is accepted, in bytes. Default 1 MiB. */
  readonly maxBody?: number;
}

const MAX_MATCHES = 1000;
/** Tokens that are looked up at a time. */
const CONCURRENCY = 8;

const KEYS_MESSAGE =
  'Expected an array of { key_identifier, key } with ECDSA keys on P-256, or a function that returns one.';
const optionsSchema = z.strictObject({
  publicKeys: z.custom<GithubSecretScanningOptions['publicKeys']>(
    (value) => typeof value === 'function' || (typeof value === 'object' && value !== null),
    { error: KEYS_MESSAGE },
  ),
  policy: z.enum(LEAK_POLICIES).optional(),
  maxBody: z
    .int()
    .min(1)
    .max(100 * 1024 * 1024)
    .default(1024 * 1024),
});

const matchesSchema = z
  .array(
    z.looseObject({
      token: z.string().min(1).max(8192),
      type: z.string().max(256),
      url: z.string().nullish(),
    }),
  )
  .max(MAX_MATCHES);

type Match = z.output<typeof matchesSchema>[number];

interface Feedback {
  readonly token_raw: string;
  readonly token_type: string;
  readonly label: 'true_positive' | 'false_positive';
}

const BAD_SIGNATURE = 'The signature of the body is missing or wrong.';

function staticKeys(value: unknown): { find(id: string): Promise<KeyObject | undefined> } {
  try {
    const keys = parseKeys(value);
    return { find: async (id) => keys.get(id) };
  } catch (cause) {
    const message = `githubSecretScanning: \`publicKeys\`: ${(cause as Error).message} ${KEYS_MESSAGE}`;
    throw new KeyscopeError('invalid_options', message, {
      issues: [{ path: 'publicKeys', message: KEYS_MESSAGE }],
      cause,
    });
  }
}

function headerOf(req: Request, name: string): string {
  const value = req.headers[name];
  if (typeof value !== 'string' || value === '') throw new KeyscopeError('unauthenticated', BAD_SIGNATURE);
  return value;
}

export function createGithubSecretScanning(
  deps: ServeDeps & { readonly reportToken: ReportToken; readonly clock: Clock },
) {
  const { reportToken, clock, report } = deps;

  return function githubSecretScanning(options: GithubSecretScanningOptions): Middleware {
    const { publicKeys, policy, maxBody } = parseInput(
      optionsSchema,
      options,
      'githubSecretScanning',
      'invalid_options',
    );
    const keys = typeof publicKeys === 'function' ? new FetchedKeys(publicKeys, clock, report) : staticKeys(publicKeys);

    async function readMatches(req: Request): Promise<Match[]> {
      const identifier = headerOf(req, 'github-public-key-identifier');
      const signature = headerOf(req, 'github-public-key-signature');
      const bytes = await readRawBody(req, maxBody, 'githubSecretScanning');
      const key = await keys.find(identifier);
      if (key === undefined || !verifySignature(bytes, signature, key)) {
        throw new KeyscopeError('unauthenticated', BAD_SIGNATURE);
      }
      return parseInput(matchesSchema, parseJson(bytes), 'The request');
    }

    async function judge({ token, type, url = null }: Match): Promise<Feedback> {
      const place = url !== null && isShowableUrl(url, token) ? url : null;
      const exposure = { source: 'github', url: place, ...(policy && { policy }) };
      const { outcome } = await reportToken(token, exposure, { actor: 'github-secret-scanning' });
      return { token_raw: token, token_type: type, label: outcome === 'unknown' ? 'false_positive' : 'true_positive' };
    }

    return servePost(
      async (req, res) => {
        const matches = await readMatches(req);
        const feedback: Feedback[] = [];
        for (let i = 0; i < matches.length; i += CONCURRENCY) {
          feedback.push(...(await Promise.all(matches.slice(i, i + CONCURRENCY).map(judge))));
        }
        sendJson(res, feedback);
      },
      deps,
      'Signature',
    ) as Middleware;
  };
}
