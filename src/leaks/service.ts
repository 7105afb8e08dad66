import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Authenticator } from '../auth/authenticator';
import type { Clock } from '../clock';
import { auditText, contextWorkspace, DEFAULT_WORKSPACE, isPlainText, mayContainToken } from '../field-schemas';
import { keyNotFound } from '../store/key-not-found';
import { type LEAK_OUTCOMES, LEAK_POLICIES, type LeakPolicy } from '../store/leak-report';
import type { ChangeOrigin, Store } from '../store/store';
import { isKeyId, workspaceTag } from '../token/format';
import { parseInput } from '../validate-input';

export interface LeakInput {
  /** Where the report comes from, such as `'github'` or `'support ticket'`: 1–200 characters. */
  readonly source: string;
  /** Where the token was found: up to 2000 characters. Default: unknown. */
  readonly url?: string | null;
  /** Policy for the key. Default: `leakPolicy` of the app. */
  readonly policy?: LeakPolicy;
}

export interface LeakContext {
  /** Only a key of this workspace. Default: any. */
  readonly workspaceId?: string;
  /** The actor, for the audit log. */
  readonly actor?: string | null;
  /** Source of the report, such as an IP address, for the audit log. */
  readonly source?: string | null;
}

/** Result of a report. */
export interface LeakReport {
  /** `already_revoked`: nothing was changed or recorded. `unknown`: no key has this token. */
  readonly outcome: (typeof LEAK_OUTCOMES)[number];
  /** Null if the outcome is `unknown`. */
  readonly keyId: string | null;
  readonly workspaceId: string | null;
}

export interface LeakService {
  /**
   * Reports that a token was found in a public place. Its key is revoked, unless the policy says otherwise, with an audit
   * entry `key.exposed` in the same step. A token must have the key's secret: the id in it is not enough. Rejects with
   * `invalid_request`, `store_unavailable`, or, for an id, `key_not_found`.
   *
   * @param tokenOrId The token, also an imported one, or the id of its key.
   * @example await apiKeys.leaks.report(token, { source: 'github', url: 'https://github.com/…' });
   */
  report(tokenOrId: string, input: LeakInput, context?: LeakContext): Promise<LeakReport>;
}

export interface LeakServiceDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly authenticator: Pick<Authenticator, 'parseKeyId' | 'fetch'>;
  /** Default of `policy`. */
  readonly leakPolicy: LeakPolicy;
}

/** The report of a token, without the checks of an input. */
export type ReportToken = (
  token: string,
  exposure: { readonly source: string; readonly url: string | null; readonly policy?: LeakPolicy },
  context?: LeakContext,
) => Promise<LeakReport>;

const MAX_URL_LENGTH = 2000;

/** True if a string can be shown as the place of a token: it is plain, and does not contain the token. */
export function isShowableUrl(url: string, token: string): boolean {
  return isPlainText(url, MAX_URL_LENGTH) && !mayContainToken(url) && !url.includes(token);
}

const URL_MESSAGE = `Expected a string of 1–${MAX_URL_LENGTH} characters without the token.`;
const SOURCE_MESSAGE = "Expected a string of 1–200 characters without the token, such as 'github'.";
const subjectSchema = z.object({ tokenOrId: z.string().min(1).max(8192) });

function inputSchema(token: string) {
  return z.strictObject({
    source: z
      .string(SOURCE_MESSAGE)
      .refine((text) => isPlainText(text, 200) && !mayContainToken(text) && !text.includes(token), SOURCE_MESSAGE),
    url: z
      .string(URL_MESSAGE)
      .refine((url) => isShowableUrl(url, token), URL_MESSAGE)
      .nullable()
      .default(null),
    policy: z.enum(LEAK_POLICIES).optional(),
  });
}

const contextSchema = z.strictObject({
  workspaceId: contextWorkspace,
  actor: auditText,
  source: auditText,
});

const OUTCOMES = { revoke: 'revoked', disable: 'disabled', notify: 'notified' } as const;
const UNKNOWN: LeakReport = Object.freeze({ outcome: 'unknown', keyId: null, workspaceId: null });
const DECOY_EXPOSURE = { policy: 'notify', source: '-', url: null } as const;

export function createLeakService({ store, clock, authenticator, leakPolicy }: LeakServiceDeps) {
  function originOf({ actor = null, source = null }: LeakContext): ChangeOrigin {
    return { actor, source, at: Math.floor(clock.wall()) };
  }

  /** The key that has this token. */
  async function findKey(token: string): Promise<{ readonly id: string; readonly workspaceId: string } | null> {
    const identity = authenticator.parseKeyId(token);
    if (identity === null) return null;
    const { outcome } = await authenticator.fetch(identity, token, true);
    return typeof outcome === 'string' ? null : outcome.record;
  }

  async function expose(
    { id, workspaceId }: { readonly id: string; readonly workspaceId: string },
    { source, url, policy = leakPolicy }: Parameters<ReportToken>[1],
    context: LeakContext,
  ): Promise<LeakReport | null> {
    if (context.workspaceId !== undefined && context.workspaceId !== workspaceId) return null;
    const result = await store.exposeKey(id, { policy, source, url }, originOf(context), { workspaceId });
    if (result.ok) return { outcome: OUTCOMES[policy], keyId: id, workspaceId };
    return result.reason === 'revoked' ? { outcome: 'already_revoked', keyId: id, workspaceId } : null;
  }

  /** Sends the commands of a report, for a key that does not exist: so the duration does not tell whether a key was found. */
  async function exposeDecoy(context: LeakContext): Promise<void> {
    const id = workspaceTag(DEFAULT_WORKSPACE) + randomBytes(6).toString('hex');
    await store.exposeKey(id, DECOY_EXPOSURE, originOf(context), { workspaceId: DEFAULT_WORKSPACE, revision: 0 });
  }

  const reportToken: ReportToken = async (token, exposure, context = {}) => {
    const key = await findKey(token);
    const report = key && (await expose(key, exposure, context));
    if (report !== null) return report;
    await exposeDecoy(context);
    return UNKNOWN;
  };

  const leaks: LeakService = {
    async report(tokenOrId, input, givenContext) {
      const { tokenOrId: subject } = parseInput(subjectSchema, { tokenOrId }, 'leaks.report');
      const exposure = parseInput(inputSchema(subject), input, 'leaks.report');
      const context = parseInput(contextSchema, givenContext ?? {}, 'leaks.report');
      if (!isKeyId(subject)) return reportToken(subject, exposure, context);
      const record = await store.getKey(subject);
      const report = record && (await expose(record, exposure, context));
      if (report !== null) return report;
      // An imported token can have the form of an id.
      const byToken = await reportToken(subject, exposure, context);
      if (byToken.outcome === 'unknown') throw keyNotFound(subject);
      return byToken;
    },
  };
  return { leaks, reportToken };
}
