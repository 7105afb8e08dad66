import type { Request } from 'express';
import type { KeyscopeError } from '../errors';
import type { Denial } from '../keys/authorize';
import {
  compileTokenSource,
  duplicate,
  type SourceReader,
  type TokenExample,
  type TokenFinding,
  type TokenSource,
} from './token-source';

/** Sources of the token in a request, and how responses and documents describe them. All other modules see only the token. */
export interface TokenReader {
  /**
   * The token, if the request carries exactly one value that can be one; null if it carries none; else the denial. An empty
   * header is denied, because its caller meant to send a token.
   */
  read(req: Request): TokenFinding;
  /** Denial of a request without a token. */
  readonly missing: Denial;
  /** Removes the token from a request, so that neither the handler nor an upstream sees it. Null if a source cannot. */
  readonly hide: ((req: Request) => void) | null;
  /** The value of `WWW-Authenticate` for a 401 response. */
  challenge(error: KeyscopeError): string;
  /** The value of `Vary`; empty if the token is not in a header. */
  readonly vary: string;
  /** Names of the sources, for the hint of `missing`. */
  readonly description: string;
  /** The OpenAPI security schemes by name. Any one is sufficient. */
  readonly securitySchemes: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Where an example request has the token. Null if only the app knows. */
  readonly example: TokenExample | null;
}

const unique = (texts: readonly string[]) => [...new Set(texts)];

const CONFLICT = duplicate('The request carries two different API keys. Send one.');

/** Reads all sources, also after the first token: the handler or an upstream could use another one. */
function createReadAll(sources: readonly SourceReader[]): TokenReader['read'] {
  return function readAll(req) {
    let token: string | null = null;
    for (const source of sources) {
      const found = source.read(req);
      if (found === null || found === token) continue;
      if (typeof found !== 'string') return found;
      if (token !== null) return CONFLICT;
      token = found;
    }
    return token;
  };
}

/** Names of OpenAPI schemes: `apiKey`, or for further ones `apiKey2`. */
function nameSchemes(sources: readonly SourceReader[]): TokenReader['securitySchemes'] {
  return Object.fromEntries(
    sources.map(({ securityScheme }, index) => [index === 0 ? 'apiKey' : `apiKey${index + 1}`, securityScheme]),
  );
}

/** Compiles the sources of an app's tokens. */
export function createTokenReader(options: {
  readonly tokenSources: readonly TokenSource[];
  readonly realm: string;
}): TokenReader {
  const sources = options.tokenSources.map((source) => compileTokenSource(source, options.realm));
  const [first] = sources as [SourceReader, ...SourceReader[]];
  const vary = unique(sources.map((source) => source.vary).filter((name) => name !== ''));
  const hides = sources.map((source) => source.hide);
  const hideAll = (req: Request) => {
    for (const hide of hides) hide?.(req);
  };
  return {
    read: sources.length === 1 ? first.read : createReadAll(sources),
    missing: {
      code: 'missing_key',
      reason: 'missing',
      message: `Send an API key ${unique(sources.map((source) => source.place)).join(' or ')}.`,
    },
    hide: hides.includes(null) ? null : hideAll,
    challenge: (error) => unique(sources.map((source) => source.challenge(error))).join(', '),
    vary: vary.includes('*') ? '*' : vary.join(', '),
    description: sources.map((source) => source.description).join(' or '),
    securitySchemes: nameSchemes(sources),
    example: sources.find((source) => source.example !== null)?.example ?? null,
  };
}
