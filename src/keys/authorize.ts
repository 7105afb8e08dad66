import { type DenialReason, type ErrorCode, type ExceededLimit, type KeyDenialCode, KeyscopeError } from '../errors';
import type { KeyRecord } from '../store/records';
import type { AddressList } from './address-list';
import type { Scope } from './scope';

/** Why a request is denied. */
export interface Denial<Code extends ErrorCode = ErrorCode> {
  readonly code: Code;
  readonly reason: DenialReason;
  /** One sentence for the caller. It can say what is required, never what the key has. */
  readonly message: string;
  /** One sentence for the developer, in the `denied` event. */
  readonly hint?: string;
  /** For a request that has exceeded a limit. */
  readonly limit?: ExceededLimit;
}

/** Denial for malformed, unknown, deleted and wrong tokens. The response is the same for all of them, to prevent probing. */
export function invalidKey(reason: Denial['reason'], hint?: string): Denial {
  return { code: 'invalid_key', reason, message: 'The API key is not valid.', hint };
}

/** Denials of requests whose key is known. They are counted in the key's usage. */
export type KeyDenial = Denial<KeyDenialCode>;

/** Outcome of the authorization. Null: the request is allowed. */
export type Decision = KeyDenial | null;

/** The permissions that a route requires, compiled once by `compileRequirement`, or `NO_REQUIREMENT`. */
export interface Requirement {
  /** `none`: any valid key. `any`: one of `permissions`. `all`: every one of them. */
  readonly mode: 'none' | 'any' | 'all';
  readonly permissions: readonly string[];
  /** The denial of keys without them. */
  readonly denial: KeyDenial;
}

/** A workspace or agent as a request states it. */
export interface RequestValue {
  /** Undefined if the request does not state it. */
  readonly value: string | undefined;
  /** The request states it more than once, or not as a string: the handler could read another value. */
  readonly ambiguous: boolean;
}

/** Workspace and agent of a request. */
export interface AuthContext {
  /**
   * The workspace that the request states, or null if the route declares none: then the key's own workspace is meant. If
   * the route declares it, requests that do not state it are denied.
   */
  readonly workspace: RequestValue | null;
  /**
   * The agent (= project) that the request states, or null if the route declares none. `'handler'`: the handler filters by
   * `req.apiKey.scope` (`agent: false`), and nothing is checked here.
   */
  readonly agent: RequestValue | 'handler' | null;
  /** Address of the caller, if it is known. Read only for keys that are limited to some addresses. */
  readonly address?: string | undefined;
}

/** A key that can be authorized. */
export interface AuthorizableKey {
  readonly record: Pick<KeyRecord, 'workspaceId' | 'disabled' | 'expiresAt' | 'revoked'>;
  readonly scope: Scope;
  /** Null: any address. */
  readonly addresses: AddressList | null;
}

function denial(code: KeyDenial['code'], reason: DenialReason, message: string): KeyDenial {
  return Object.freeze({ code, reason, message });
}

const DISABLED = denial('disabled_key', 'disabled', 'This API key is disabled.');
const EXPIRED = denial('expired_key', 'expired', 'This API key has expired.');
export const ADDRESS_OTHER = denial('ip_not_allowed', 'ip', 'This API key is not accepted from this address.');
const WORKSPACE_AMBIGUOUS = denial(
  'workspace_not_in_scope',
  'workspace',
  'The request does not state its workspace exactly once.',
);
const WORKSPACE_ABSENT = denial('workspace_not_in_scope', 'workspace', 'The request does not state its workspace.');
const WORKSPACE_OTHER = denial(
  'workspace_not_in_scope',
  'workspace',
  'This API key does not belong to the workspace of this request.',
);
const AGENT_AMBIGUOUS = denial('agent_not_in_scope', 'agent', 'The request does not state its agent exactly once.');
const AGENT_NOT_STATED = denial(
  'agent_not_in_scope',
  'agent_not_stated',
  'This API key is limited to certain agents, and the request does not state which agent it is about.',
);
const AGENT_OTHER = denial('agent_not_in_scope', 'agent', 'This API key does not cover the agent of this request.');

/** Any valid key. */
export const NO_REQUIREMENT: Requirement = Object.freeze({
  mode: 'none',
  permissions: Object.freeze([]),
  denial: denial('permission_denied', 'permission', 'This request requires no permission.'),
});

function requirementMessage(mode: 'any' | 'all', permissions: readonly string[]): string {
  const names = permissions.map((name) => `\`${name}\``).join(', ');
  if (permissions.length === 1) return `This request requires the permission ${names}.`;
  return `This request requires ${mode === 'any' ? 'one' : 'all'} of the permissions ${names}.`;
}

/**
 * Compiles a route's requirement together with the denial of keys that do not meet it.
 *
 * @throws {KeyscopeError} `invalid_options` for an empty array, which would allow every key or none.
 */
export function compileRequirement(mode: 'any' | 'all', permissions: readonly string[]): Requirement {
  if (permissions.length === 0) {
    throw new KeyscopeError(
      'invalid_options',
      `\`${mode}Of\` received an empty array. Name at least one permission, or leave the requirement out to allow every valid key.`,
    );
  }
  return Object.freeze({
    mode,
    permissions: Object.freeze([...permissions]),
    denial: denial('permission_denied', 'permission', requirementMessage(mode, permissions)),
  });
}

function satisfies(scope: Scope, { mode, permissions }: Requirement): boolean {
  if (mode === 'none') return true;
  // An index, not an iterator or a callback: this is the hit path, and must allocate nothing.
  for (let index = 0; index < permissions.length; index++) {
    if (scope.has(permissions[index] as string) === (mode === 'any')) return mode === 'any';
  }
  return mode === 'all';
}

/**
 * Decides whether a key may do what a request asks for. Called for every request, once the caller has sent the key's
 * secret. Pure; allocates nothing.
 *
 * The first reason counts. The order reveals least and helps most:
 * 1. Whether the key works. *Disabled* comes first: the key may be stolen, and its holder learns nothing more. Then
 *    *expired*, which no change of the request can help.
 * 2. Address. Who has stolen the key learns nothing about its workspace, agents and permissions.
 * 3. Workspace and agent. A key of another workspace learns neither what the route requires nor what exists there.
 * 4. Permissions. At this point the caller belongs to the workspace, so naming the missing permission leaks nothing.
 *
 * @param wall Milliseconds since the epoch. A key is expired from the millisecond `expiresAt` on.
 */
export function authorize(
  { record, scope, addresses }: AuthorizableKey,
  requirement: Requirement,
  context: AuthContext,
  wall: number,
): Decision {
  if (record.disabled) return DISABLED;
  // Revoked by a rotation without overlap: denied on every clock. An expiry that is no number counts as expired.
  if (record.revoked || !(wall < record.expiresAt)) return EXPIRED;

  if (addresses !== null && (context.address === undefined || !addresses.has(context.address))) return ADDRESS_OTHER;

  const { workspace, agent } = context;
  if (workspace !== null) {
    if (workspace.ambiguous) return WORKSPACE_AMBIGUOUS;
    if (workspace.value === undefined) return WORKSPACE_ABSENT;
    if (workspace.value !== record.workspaceId) return WORKSPACE_OTHER;
  }

  if (agent === null) {
    if (scope.agents !== 'all') return AGENT_NOT_STATED;
  } else if (agent !== 'handler') {
    // For keys of all agents, too: redaction and the handler go by the agent, and must read the same one.
    if (agent.ambiguous) return AGENT_AMBIGUOUS;
    if (agent.value === undefined) {
      if (scope.agents !== 'all') return AGENT_NOT_STATED;
    } else if (!scope.allowsAgent(agent.value)) return AGENT_OTHER;
  }

  return satisfies(scope, requirement) ? null : requirement.denial;
}
