import { KeyscopeError } from '../errors';
import { DEFAULT_WORKSPACE } from '../field-schemas';
import type { KeyRecord } from '../store/records';
import type { ChangeOrigin, Store } from '../store/store';
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

/** What there is of a foreign token when its key is imported. */
export interface ImportedToken {
  /** SHA-256 of the token. */
  readonly fingerprint: string;
  readonly alias: string;
  /** The text whose digest is stored. */
  readonly hashInput: string;
  /** Its ends, or empty. */
  readonly first: string;
  readonly last: string;
}

const NATIVE_MESSAGE =
  'This token has the form of those that are made here, which are looked up by the id in them. Create a key instead.';

/** What is stored of an import as it was given, and shown to whoever may see the key or its audit trail. */
export interface ShownFields {
  readonly name: string;
  readonly agents: 'all' | readonly string[];
  readonly createdBy?: string | null;
  readonly workspaceId?: string;
  readonly actor?: string | null;
  readonly source?: string | null;
}

const SHOWN_MESSAGE = 'This holds the token, or its SHA-256, and would be stored and shown. Give something else.';

/** Whether a text gives the token away. Where only its hash is known, each word is tried: no token has a space. */
function holdsToken(text: string, fingerprint: string, token: string | undefined): boolean {
  if ((token !== undefined && text.includes(token)) || text.toLowerCase().includes(fingerprint)) return true;
  return text
    .split(/\s+/)
    .some(
      (word) => readFingerprint(word) === fingerprint || (isImportedToken(word) && fingerprintOf(word) === fingerprint),
    );
}

/** A token in the wrong column of a table would be in every list of keys, and in the audit trail for good. */
function refuseShownToken({ agents, ...texts }: ShownFields, fingerprint: string, token: string | undefined): void {
  const shown: [path: string, text: string | null | undefined][] = [
    ...Object.entries(texts),
    ...(agents === 'all' ? [] : agents.map((agent, index): [string, string] => [`agents.${index}`, agent])),
  ];
  const issues = shown
    .filter(([, text]) => typeof text === 'string' && holdsToken(text, fingerprint, token))
    .map(([path]) => ({ path, message: SHOWN_MESSAGE }));
  if (issues.length > 0) throw inputError('keys.import', issues);
}

/** Reads what a key is imported by, and sees to it that it stands nowhere else. */
export function createReadImportedToken(prefix: string) {
  const parse = createTokenParser(prefix);

  return function readForeignToken(
    given: { readonly token?: string; readonly sha256?: string },
    { name, agents, createdBy, workspaceId, actor, source }: ShownFields,
  ): ImportedToken {
    const { token, sha256 } = given;
    if (token !== undefined && parse(token) !== null) {
      throw inputError('keys.import', [{ path: 'token', message: NATIVE_MESSAGE }]);
    }
    const fingerprint = token === undefined ? (sha256 as string) : fingerprintOf(token);
    refuseShownToken({ name, agents, createdBy, workspaceId, actor, source }, fingerprint, token);
    return { fingerprint, alias: aliasOf(fingerprint), hashInput: hashInputOf(fingerprint), ...maskableEnds(token) };
  };
}

/** The id of an imported key: it follows from token and workspace, so that importing it again finds it. */
export function deriveImportedKeyId(workspaceId: string, fingerprint: string): string {
  return deriveId(workspaceId, ['foreign', aliasOf(fingerprint)]);
}

/** The same from what `keys.import` takes. */
export function importedKeyId(given: {
  readonly workspaceId?: string;
  readonly token?: string;
  readonly sha256?: string;
}) {
  const fingerprint = given.token === undefined ? (given.sha256 as string) : fingerprintOf(given.token);
  return deriveImportedKeyId(given.workspaceId ?? DEFAULT_WORKSPACE, fingerprint);
}

/** The reply to an import of what has been imported; it names no key of another workspace. */
export function importedBefore(id: string): KeyscopeError {
  return new KeyscopeError('conflict', `This token has been imported before: it is the key ${id}. Change that one.`);
}

function importedElsewhere(): KeyscopeError {
  return new KeyscopeError(
    'conflict',
    'This token has been imported in another workspace. A token stands for one key; delete that one first.',
  );
}

/**
 * What a foreign token stands for is kept apart from the key: its token says nothing of the workspace, so both may lie on
 * different servers, and there is no step that changes both. Hence this order. The alias comes first and is made sure of
 * last: between the two, a deletion of the same key may take it away. A deletion takes the record first, which ends the
 * key, and gives the alias back where the key has been imported again meanwhile. Whichever of the two comes last leaves
 * an alias for a key that is there.
 */
export function createAliasLinks(store: Store) {
  /** @throws {KeyscopeError} `conflict` where the token stands for a key of another workspace. */
  async function claim(alias: string, id: string): Promise<void> {
    let held = await store.linkAlias(alias, id);
    // A key that has gone, whose deletion did not get that far.
    if (held !== id && (await store.getKey(held)) === null) held = await store.linkAlias(alias, id, held);
    if (held !== id) throw importedElsewhere();
  }

  return {
    /** `false` where the key is there already. */
    async add(record: KeyRecord, alias: string, origin: ChangeOrigin): Promise<boolean> {
      await claim(alias, record.id);
      const added = await store.createKey(record, origin);
      try {
        await claim(alias, record.id);
      } catch (error) {
        // Imported in two workspaces at once: a key that its token does not lead to is of no use to anyone.
        if (added && error instanceof KeyscopeError && error.code === 'conflict') {
          await store.deleteKey(record.id, origin, { workspaceId: record.workspaceId });
        }
        throw error;
      }
      return added;
    },

    /** Forgets what a deleted key's token stood for. Never rejects: the key is gone, and an alias of nothing is harmless. */
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
