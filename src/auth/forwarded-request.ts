import type { Request } from 'express';
import { replaceRequestHeaders } from '../http/edit-headers';
import type { Agents } from '../store/records';
import { inputError } from '../validate-input';
import type { IdentityHeaders } from './permission-requirement';
import type { TokenReader } from './read-token';
import type { RequestApiKey } from './request-api-key';

/** RFC 3986, so that a value has no comma, and no `*` that is not "all agents". */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll('*', '%2A');
}

function encodeList(names: Agents): string {
  return names === 'all' ? '*' : names.map(encode).join(',');
}

const VALUES: { readonly [Name in keyof IdentityHeaders]-?: (key: RequestApiKey) => string } = {
  id: (key) => key.id,
  workspaceId: (key) => encode(key.workspaceId),
  permissions: (key) => encodeList(key.permissions),
  agents: (key) => encodeList(key.scope.agents),
};

/**
 * Compiles what `requireApiKey` changes in an allowed request before the handler, or an upstream, sees it: the token is
 * removed, and headers with the key's identity are set. Null: nothing.
 *
 * @throws {KeyscopeError} `invalid_options`
 */
export function createPrepareRequest(
  reader: TokenReader,
  options: { readonly hideCredentials: boolean; readonly identityHeaders?: IdentityHeaders | undefined },
): ((req: Request, key: RequestApiKey | undefined) => void) | null {
  const { hideCredentials, identityHeaders = {} } = options;
  const names = Object.entries(identityHeaders) as [keyof IdentityHeaders, string][];
  if (!hideCredentials && names.length === 0) return null;
  const hide = hideCredentials ? reader.hide : undefined;
  if (hide === null) {
    const message =
      'The function in `tokenSource` reads the token, and only you know where it is. Remove it in a middleware behind requireApiKey().';
    throw inputError('requireApiKey', [{ path: 'hideCredentials', message }], 'invalid_options');
  }
  const taken = new Set(reader.vary.split(', '));
  for (const [path, name] of names) {
    if (!taken.has(name)) {
      taken.add(name);
      continue;
    }
    const message = `Expected a header of its own: ${name} carries the token, or another part of the identity.`;
    throw inputError('requireApiKey', [{ path: `identityHeaders.${path}`, message }], 'invalid_options');
  }

  return function prepareRequest(req, key) {
    hide?.(req);
    // Also if there is no key: then the client's own headers are only removed.
    if (names.length > 0) {
      replaceRequestHeaders(
        req,
        names.map(([part, name]) => [name, key === undefined ? undefined : VALUES[part](key)]),
      );
    }
  };
}
