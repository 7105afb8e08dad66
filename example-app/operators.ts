import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import type { Directory } from './data/directory';

/** A signed-in operator: the account, and whether changes are allowed. */
export interface Operator {
  readonly workspaceId: string;
  readonly workspaceName: string;
  readonly actor: string;
  readonly readOnly: boolean;
}

/** Sessions of operators. A real platform has accounts and a session store. */
export interface Operators {
  /** True for the password that was printed at the start. */
  knows(password: unknown): boolean;
  /**
   * Opens a session. Returns the value of its cookie.
   *
   * @param account The id or slug of a workspace; the first workspace if the name is unknown.
   */
  open(account: string | undefined, readOnly: boolean): string;
  close(req: Request): void;
  /** The operator of a session cookie, or of the password as a Bearer token; null if there is none. */
  of(req: Request): Operator | null;
}

export const SESSION_COOKIE = 'operator';
const LONGEST = 1000;

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function cookieOf(req: Request): string | undefined {
  for (const part of (req.get('cookie') ?? '').split(';')) {
    const [name, value] = part.split('=', 2);
    if (name?.trim() === SESSION_COOKIE) return value?.trim();
  }
  return undefined;
}

/** Sessions in memory: they end with the process, or after a thousand newer ones. */
export function createOperators(password: string, directory: Directory): Operators {
  const expected = digest(password);
  const sessions = new Map<string, Operator>();

  function operatorOf(account: string | undefined, readOnly: boolean): Operator {
    const workspace = directory.workspace(account ?? '') ?? directory.workspaces[0];
    if (workspace === undefined) throw new Error('The directory has no workspace.');
    const actor = `${readOnly ? 'reader' : 'operator'}@${workspace.slug}.example`;
    return { workspaceId: workspace.id, workspaceName: workspace.name, actor, readOnly };
  }

  function knows(given: unknown): boolean {
    // Digests have one length and are compared in constant time, so the time reveals nothing about a guess.
    return typeof given === 'string' && timingSafeEqual(digest(given), expected);
  }

  return {
    knows,
    open(account, readOnly) {
      const [oldest] = sessions.keys();
      if (oldest !== undefined && sessions.size >= LONGEST) sessions.delete(oldest);
      const id = randomBytes(24).toString('base64url');
      sessions.set(id, operatorOf(account, readOnly));
      return id;
    },
    close(req) {
      sessions.delete(cookieOf(req) ?? '');
    },
    of(req) {
      const [, sent] = /^Bearer (\S+)$/i.exec(req.get('authorization') ?? '') ?? [];
      if (knows(sent)) return operatorOf(undefined, false);
      return sessions.get(cookieOf(req) ?? '') ?? null;
    },
  };
}
