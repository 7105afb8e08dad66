import type { Request } from 'express';
import { listNames } from '../did-you-mean';
import { hasUnknownProxy } from '../http/request-address';
import type { ParameterSource } from '../http/route-parameter';
import { readAddress } from '../keys/address-list';
import type { AuthContext, Denial } from '../keys/authorize';
import type { RequestDescription } from './access';
import type { TokenReader } from './read-token';
import type { CachedKey } from './request-api-key';

/** Sources that a route declares. */
export interface DeclaredSources {
  readonly workspace: ParameterSource | undefined;
  readonly agent: ParameterSource | false | undefined;
}

/** Says why a source gave no value. */
function missingHint(what: 'workspace' | 'agent', source: ParameterSource, req: Request): string {
  if (typeof source === 'function') return `The function for \`${what}\` returned no string.`;
  if (typeof source === 'object') {
    return (
      `The URL does not state the query parameter \`${source.query}\` exactly once. It counts only if no other spelling ` +
      'of it is in the query, and the query has fewer than 1,000 parameters.'
    );
  }
  const names = Object.keys(req.params ?? {});
  if (names.includes(source)) return `The route parameter \`${source}\` is empty or not one string.`;
  const others =
    names.length > 0
      ? `The route has ${listNames(names.map((name) => `\`${name}\``))}.`
      : 'The route has none. `req.params` is empty in `app.use` and in a router without `mergeParams`.';
  return (
    `\`${what}: '${source}'\` means a route parameter, and the route has none of this name. ${others} ` +
    `For a query parameter, use \`${what}: { query: '${source}' }\`.`
  );
}

const UNDECLARED_AGENT =
  "The key is limited to certain agents, and the route does not declare its agent. Declare it, e.g. `{ agent: 'project_id' }`, " +
  'or use `{ agent: false }` if the handler filters by `req.apiKey.scope`.';

const UNKNOWN_PROXY =
  'The request has an X-Forwarded-For or Forwarded header, and `trust proxy` of the app is not set, so that its address is unknown. ' +
  'Set it to the number of proxies before the app, or to their addresses; or to false if callers reach the app directly.';

/** Says which address was not in the list. `unknown`: the sentence if there is none. */
export function addressHint(address: string | undefined, key: CachedKey | null, unknown: string): string {
  const shown = address === undefined ? null : readAddress(address);
  if (shown === null) return unknown;
  const count = key?.addresses?.size ?? 0;
  return `The address ${shown.text} is not in allowedIps of the key, which has ${count} ${count === 1 ? 'entry' : 'entries'}.`;
}

function contextHint(
  { reason }: Denial,
  sources: DeclaredSources,
  context: AuthContext,
  req: Request,
  key: CachedKey | null,
): string | null {
  const { workspace, agent } = sources;
  if (reason === 'ip') {
    return addressHint(context.address, key, hasUnknownProxy(req) ? UNKNOWN_PROXY : 'The address is unknown.');
  }
  if (reason === 'agent_not_stated') return agent ? missingHint('agent', agent, req) : UNDECLARED_AGENT;
  if (reason === 'workspace' && workspace && context.workspace?.value === undefined) {
    return missingHint('workspace', workspace, req);
  }
  const isAmbiguous = typeof context.agent === 'object' && context.agent?.ambiguous === true;
  return reason === 'agent' && agent && isAmbiguous ? missingHint('agent', agent, req) : null;
}

const PREFLIGHT_HINT =
  'A CORS preflight has no token. Mount cors() before requireApiKey(), or pass `allowPreflight: true`.';

/** Method and declared path of a request, without anything else that the caller sent: it could be the token. */
export function describeRoute(req: Request): { readonly method: string; readonly route: string | null } {
  const route = (req.route as { path?: unknown } | undefined)?.path;
  return { method: req.method, route: route === undefined ? null : String(route) };
}

/** Describes a request for the `denied` event, without a string that the caller sent: it could be the token. */
export function describeRequest(
  req: Request,
  reader: TokenReader,
  sources: DeclaredSources,
  context: AuthContext | null,
  key: CachedKey | null,
): RequestDescription {
  return {
    ...describeRoute(req),
    hint(denial) {
      if (context !== null) return contextHint(denial, sources, context, req, key);
      if (denial.reason !== 'missing') return null;
      if (req.method === 'OPTIONS') return PREFLIGHT_HINT;
      const other = req.headers.authorization === undefined ? '' : ' The request has an Authorization header.';
      return `The token is read from ${reader.description}.${other}`;
    },
  };
}
