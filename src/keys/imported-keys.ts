import { KeyscopeError } from '../errors';
import { DEFAULT_WORKSPACE } from '../field-schemas';
import type { KeyRecord } from '../store/records';
import type { ChangeOrigin, Store } from '../store/store';
import { acceptedPrefixes, type EnvironmentRule } from '../token/environment';
import { explainMalformed } from '../token/explain-malformed';
import { deriveId } from '../token/generate';
import {
  aliasOf,
  fingerprintOf,
  hashInputOf,
  isImportedToken,
  maskableEnds,
  readFingerprint,
} from '../token/imported-token';
import { createTokenParser } from '../token/parse';
import { inputError } from '../validate-input';

/** Parts of an imported token that can be stored. */
export interface ImportedToken {
  /** SHA-256 of the token. */
  readonly fingerprint: string;
  readonly alias: string;
  /** String whose digest is stored. */
  readonly hashInput: string;
  /** First and last characters of the token, or empty. */
  readonly first: string;
  readonly last: string;
}

const NATIVE_MESSAGE =
  'This token has the form of tokens of this app, which are found by the id in them. Create a key instead.';

/** Fields of an import that are stored unchanged, and shown with the key or in the audit log. */
export interface ShownFields {
  readonly name: string;
  readonly agents: 'all' | readonly string[];
  readonly createdBy?: string | null | undefined;
  readonly owner?: { readonly id: string } | null | undefined;
  readonly contact?: string | null | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly workspaceId?: string;
  readonly actor?: string | null;
  readonly source?: string | null;
}

const SHOWN_MESSAGE = 'This contains the token or its SHA-256, and would be stored and shown. Use another value.';

/** Whether a string contains the token. If only the hash is known, each word is tried, because no token has a space. */
function holdsToken(text: string, fingerprint: string, token: string | undefined): boolean {
  if ((token !== undefined && text.includes(token)) || text.toLowerCase().includes(fingerprint)) return true;
  return text
    .split(/\s+/)
    .some(
      (word) => readFingerprint(word) === fingerprint || (isImportedToken(word) && fingerprintOf(word) === fingerprint),
    );
}

/** Rejects a token in the wrong column of a table: it would be in every list of keys, and stay in the audit log. */
function refuseShownToken(
  { agents, owner, metadata = {}, ...texts }: ShownFields,
  fingerprint: string,
  token: string | undefined,
): void {
  const shown: [path: string, text: string | null | undefined][] = [
    ...Object.entries(texts),
    ['owner.id', owner?.id],
    ...Object.entries(metadata).map(([name, value]): [string, string] => [`metadata.${name}`, value]),
    ...(agents === 'all' ? [] : agents.map((agent, index): [string, string] => [`agents.${index}`, agent])),
  ];
  const issues = shown
    .filter(([, text]) => typeof text === 'string' && holdsToken(text, fingerprint, token))
    .map(([path]) => ({ path, message: SHOWN_MESSAGE }));
  if (issues.length > 0) throw inputError('keys.import', issues);
}

/** Creates the function that reads the token of an import, and rejects it in any other field. */
export function createReadImportedToken(prefix: string, rule: EnvironmentRule) {
  const parsers = acceptedPrefixes(prefix, rule).map(createTokenParser);

  /** Also a token of another environment: as an imported token, it would be accepted here. */
  function isNative(token: string): boolean {
    if (parsers.some((parse) => parse(token) !== null)) return true;
    return explainMalformed(token, prefix, rule).reason === 'other_environment';
  }

  return function readImportedToken(
    given: { readonly token?: string; readonly sha256?: string },
    { name, agents, createdBy, owner, contact, metadata, workspaceId, actor, source }: ShownFields,
  ): ImportedToken {
    const { token, sha256 } = given;
    if (token !== undefined && isNative(token)) {
      throw inputError('keys.import', [{ path: 'token', message: NATIVE_MESSAGE }]);
    }
    const fingerprint = token === undefined ? (sha256 as string) : fingerprintOf(token);
    const shown = { name, agents, createdBy, owner, contact, metadata, workspaceId, actor, source };
    refuseShownToken(shown, fingerprint, token);
    return { fingerprint, alias: aliasOf(fingerprint), hashInput: hashInputOf(fingerprint), ...maskableEnds(token) };
  };
}

/** Id of an imported key, derived from token and workspace, so that importing the token again finds the key. */
export function deriveImportedKeyId(workspaceId: string, fingerprint: string): string {
  return deriveId(workspaceId, ['imported', aliasOf(fingerprint)]);
}

/** The same from the input of `keys.import`. */
export function importedKeyId(given: {
  readonly workspaceId?: string;
  readonly token?: string;
  readonly sha256?: string;
}) {
  const fingerprint = given.token === undefined ? (given.sha256 as string) : fingerprintOf(given.token);
  return deriveImportedKeyId(given.workspaceId ?? DEFAULT_WORKSPACE, fingerprint);
}

/** Error for a token that was imported before in the same workspace. */
export function importedBefore(id: string): KeyscopeError {
  return new KeyscopeError('conflict', `This token was imported before, as the key ${id}. Update that key instead.`);
}

function importedElsewhere(): KeyscopeError {
  return new KeyscopeError(
    'conflict',
    'This token was imported in another workspace. A token belongs to one key; delete that key first.',
  );
}

/**
 * Creates the functions that link an imported token's alias to its key. The token does not identify the workspace, so
 * alias and record can be on different servers, and no atomic step changes both.
 *
 * Import: write the alias, write the record, verify the alias. Delete: remove the record, remove the alias, restore it if
 * the key was imported again. Every interleaving ends with an alias for every existing key.
 */
export function createAliasLinks(store: Store) {
  /** @throws {KeyscopeError} `conflict` if the token belongs to a key of another workspace. */
  async function claim(alias: string, id: string): Promise<void> {
    let held = await store.linkAlias(alias, id);
    // The key was deleted, but not its alias.
    if (held !== id && (await store.getKey(held)) === null) held = await store.linkAlias(alias, id, held);
    if (held !== id) throw importedElsewhere();
  }

  return {
    /** False if the key exists already. */
    async add(record: KeyRecord, alias: string, origin: ChangeOrigin): Promise<boolean> {
      await claim(alias, record.id);
      const added = await store.createKey(record, origin);
      try {
        await claim(alias, record.id);
      } catch (error) {
        // Imported in two workspaces at once. A key that its token does not find would be useless.
        if (added && error instanceof KeyscopeError && error.code === 'conflict') {
          await store.deleteKey(record.id, origin, { workspaceId: record.workspaceId });
        }
        throw error;
      }
      return added;
    },

    /** Removes the alias of a deleted key. Never rejects, because an alias without a key is harmless. */
    async release({ id, alias }: KeyRecord): Promise<void> {
      if (alias === null) return;
      try {
        await store.unlinkAlias(alias, id);
        if ((await store.getKey(id)) !== null) await store.linkAlias(alias, id);
      } catch (error) {
        if (!(error instanceof KeyscopeError)) throw error;
      }
    },
  };
}
