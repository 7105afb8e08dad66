import { type ErrorCode, KeyscopeError } from '../errors';
import type { KeyRecord } from '../store/records';
import type { Scope } from './scope';

/** Why a request is refused. `message` is for the caller; it says what is required, never what the key holds. */
export interface Denial {
  readonly code: Extract<
    ErrorCode,
    'disabled_key' | 'expired_key' | 'workspace_not_in_scope' | 'agent_not_in_scope' | 'permission_denied'
  >;
  readonly message: string;
}

/** `null`: let in. */
export type Decision = Denial | null;

/** Which permissions a route asks for, compiled once by `compileRequirement` or `NO_REQUIREMENT`. */
export interface Requirement {
  /** `none`: any valid key will do. `any`: one of `permissions`. `all`: every one of them. */
  readonly mode: 'none' | 'any' | 'all';
  readonly permissions: readonly string[];
  /** What a key without them is told. */
  readonly denial: Denial;
}

/** What a request says of its workspace or agent. The result of `readParameter` is one. */
export interface RequestValue {
  /** Undefined where the request does not say. */
  readonly value: string | undefined;
  /** The request says it more than once, or not as text: the handler might read another value than we do. */
  readonly ambiguous: boolean;
}

/** What is known of a request before it is decided. */
export interface AuthContext {
  /**
   * What the request says where the route declares its workspace; null where it declares none, and the key's own is
   * meant. A route that declares it is refused to requests that do not say.
   */
  readonly workspace: RequestValue | null;
  /**
   * What the request says where the route declares its agent (= project); null where it declares none; `'handler'` where
   * the handler itself filters by `req.apiKey.scope` (`agent: false`), so that nothing is checked here.
   */
  readonly agent: RequestValue | 'handler' | null;
}

function denial(code: Denial['code'], message: string): Denial {
  return Object.freeze({ code, message });
}

const DISABLED = denial('disabled_key', 'This API key is disabled. Who manages it can enable it again.');
const EXPIRED = denial('expired_key', 'This API key has expired. Ask for a new one.');
const WORKSPACE_AMBIGUOUS = denial(
  'workspace_not_in_scope',
  'The request names its workspace more than once, or not as text. Name it once.',
);
const WORKSPACE_ABSENT = denial('workspace_not_in_scope', 'The request does not say which workspace it is about.');
const WORKSPACE_OTHER = denial(
  'workspace_not_in_scope',
  'This API key does not belong to the workspace that the request is about.',
);
const AGENT_AMBIGUOUS = denial(
  'agent_not_in_scope',
  'The request names its agent more than once, or not as text. Name it once.',
);
const AGENT_UNDECLARED = denial(
  'agent_not_in_scope',
  'This API key is limited to certain agents, and this route does not declare which agent a request is about. ' +
    "Its developer can declare it: `requireApiKey(permission, { agent: 'project_id' })` with the name of a route or query " +
    'parameter. `req.params` is empty in `app.use`: put the middleware on the route itself, or give a function of the request.',
);
const AGENT_ABSENT = denial(
  'agent_not_in_scope',
  'This API key is limited to certain agents, and the request does not say which agent it is about where its developer ' +
    "declared that it would: `requireApiKey(permission, { agent: 'project_id' })`. `req.params` is empty in `app.use`, in a " +
    'router without `mergeParams` and where a segment is optional, and there a query parameter does not count: put the ' +
    'middleware on the route that answers, or give a function of the request.',
);
const AGENT_OTHER = denial('agent_not_in_scope', 'This API key does not cover the agent that the request is about.');

/** Any valid key will do. */
export const NO_REQUIREMENT: Requirement = Object.freeze({
  mode: 'none',
  permissions: Object.freeze([]),
  denial: denial('permission_denied', 'This request requires no permission.'),
});

function wording(mode: 'any' | 'all', permissions: readonly string[]): string {
  const names = permissions.map((name) => `\`${name}\``).join(', ');
  if (permissions.length === 1) return `This request requires the permission ${names}.`;
  return `This request requires ${mode === 'any' ? 'one' : 'all'} of the permissions ${names}.`;
}

/**
 * What a route asks for, with the answer to those who lack it ready.
 *
 * @throws {KeyscopeError} `invalid_options` for an empty list, which would let everyone in or no one.
 */
export function compileRequirement(mode: 'any' | 'all', permissions: readonly string[]): Requirement {
  if (permissions.length === 0) {
    throw new KeyscopeError(
      'invalid_options',
      `\`${mode}Of\` received an empty list. Name at least one permission, or leave the requirement out to let every valid key in.`,
    );
  }
  return Object.freeze({
    mode,
    permissions: Object.freeze([...permissions]),
    denial: denial('permission_denied', wording(mode, permissions)),
  });
}

function satisfies(scope: Scope, { mode, permissions }: Requirement): boolean {
  if (mode === 'none') return true;
  // An index, not an iterator or a callback: this is the hot path, and must allocate nothing.
  for (let index = 0; index < permissions.length; index++) {
    if (scope.has(permissions[index] as string) === (mode === 'any')) return mode === 'any';
  }
  return mode === 'all';
}

/**
 * May this key do that, now? Asked on every request, once the caller has proved to hold the key's secret. Pure, and
 * allocates nothing.
 *
 * The first reason counts, in an order that tells least and helps most. Whether the key works at all comes first:
 * *disabled*, which is somebody's decision and perhaps about a stolen key, whose holder is told nothing more; then
 * *expired*, which no change of the request can mend. Next, where the key reaches: from outside its workspace, or its
 * agents, nobody learns what a route requires, nor whether the named workspace or agent exists. Last, what is required
 * there: by then the caller is at home, and the name of the missing permission is what to ask an administrator for.
 *
 * @param record The key's record, as fresh as the caller may trust it.
 * @param scope `createScope(record)`, made once per record.
 * @param wall Milliseconds since the epoch; a key is expired from the millisecond `expiresAt` on.
 */
export function authorize(
  record: Pick<KeyRecord, 'workspaceId' | 'disabled' | 'expiresAt' | 'revoked'>,
  scope: Scope,
  requirement: Requirement,
  facts: AuthContext,
  wall: number,
): Decision {
  if (record.disabled) return DISABLED;
  // Revoked by a rotation without overlap: denied on every clock. An expiry that is no number counts as expired, too.
  if (record.revoked || !(wall < record.expiresAt)) return EXPIRED;

  const { workspace, agent } = facts;
  if (workspace !== null) {
    if (workspace.ambiguous) return WORKSPACE_AMBIGUOUS;
    if (workspace.value === undefined) return WORKSPACE_ABSENT;
    if (workspace.value !== record.workspaceId) return WORKSPACE_OTHER;
  }

  if (agent === null) {
    if (scope.agents !== 'all') return AGENT_UNDECLARED;
  } else if (agent !== 'handler') {
    // For keys that reach every agent too: redaction and the handler go by the agent, and must mean the same one.
    if (agent.ambiguous) return AGENT_AMBIGUOUS;
    if (agent.value === undefined) {
      if (scope.agents !== 'all') return AGENT_ABSENT;
    } else if (!scope.allowsAgent(agent.value)) return AGENT_OTHER;
  }

  return satisfies(scope, requirement) ? null : requirement.denial;
}
