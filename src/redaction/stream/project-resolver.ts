import { decodeString } from '../member-name-table';
import type { PathState } from '../path-matcher';
import type { RedactionPolicy } from '../policy';
import { MAX_PROJECT_ID } from '../policy';
import { COLON as COLON_EXPECTED, JsonError } from './json-error';
import type { Scanner } from './json-scanner';
import { COLON, QUOTE, SPACE } from './json-tables';

const IN_MEMBERS = 0;
const AT_COLON = 1;
const AT_VALUE = 2;
const IN_VALUE = 3;

/** A project's id in JSON text, its quotes included: each UTF-16 unit takes up to six bytes (`\u0041`). */
const MAX_PROJECT_BYTES = MAX_PROJECT_ID * 6 + 2;

/** The project that a value in JSON text names; `undefined`: none. */
function projectIn(bytes: Buffer, from: number, to: number): string | undefined {
  if (bytes[from] !== QUOTE || to - from > MAX_PROJECT_BYTES) return undefined;
  const id = decodeString(bytes, from + 1, to - 1);
  return id.length <= MAX_PROJECT_ID ? id : undefined;
}

const NONE = -1;
/** Instead of the start of a project's id: it is too long to be one. */
const TOO_LONG = -2;

/**
 * Finds the projects of conversations, in a body that mixes projects, and holds back what waits for one. To find it, reads ahead to
 * the member that names the project, or to the end of the conversation. That decides nothing and keeps nothing.
 */
export class ProjectResolver {
  /** Whether the wait is over. */
  found = true;
  readonly #policy: RedactionPolicy;
  readonly #scanner: Scanner;
  readonly #maxHeld: number;
  /** Where the value begins that is being read and names a project. */
  #value = NONE;
  /** Where the value begins that waits for its conversation's project. */
  #waiting = NONE;
  /** The level of the conversation in question. */
  #level = NONE;
  // The search.
  #stage = IN_MEMBERS;
  #conversation: PathState | null = null;
  /** The start of the value that names the project. */
  #from = 0;

  constructor(policy: RedactionPolicy, scanner: Scanner, maxHeld: number) {
    this.#policy = policy;
    this.#scanner = scanner;
    this.#maxHeld = maxHeld;
  }

  reset(): void {
    this.#value = this.#waiting = NONE;
  }

  /** A value begins that names the project of the conversation at `level`. */
  begin(level: number, at: number): void {
    this.#level = level;
    this.#value = at;
  }

  /** A value has ended. */
  end(bytes: Buffer, at: number): void {
    if (this.#value === NONE) return;
    const projectId = this.#value === TOO_LONG ? undefined : projectIn(bytes, this.#value, at);
    this.#policy.setProject(this.#level, projectId);
    this.#value = NONE;
  }

  /** A value waits for the project of the conversation that is open at `depth`. */
  wait(conversation: PathState, depth: number, at: number): void {
    this.found = false;
    this.#level = conversation.conversation;
    this.#waiting = at;
    this.#conversation = conversation;
    this.#stage = IN_MEMBERS;
    this.#scanner.seek(depth, conversation.table.mask);
  }

  /**
   * Reads ahead. All bytes since the value that waits must still be there. Returns the index at which it stopped; when the search is
   * over, that of the value.
   */
  run(bytes: Buffer, at: number, end: number): number {
    const scanner = this.#scanner;
    let i = at;
    while (i < end) {
      if (this.#stage === IN_MEMBERS) {
        i = scanner.skip(bytes, i, end);
        if (scanner.done) return this.#resolve(i, undefined);
        if (scanner.stopped) {
          const member = this.#conversation!.table.find(bytes, scanner.nameAt, i - 1, scanner.escaped);
          if (member?.namesProject === true) this.#stage = AT_COLON;
        }
      } else if (this.#stage === IN_VALUE) {
        i = scanner.skip(bytes, i, end);
        if (scanner.done) return this.#resolve(i, projectIn(bytes, this.#from, i));
      } else if (SPACE[bytes[i]!] === 1) {
        i++;
      } else if (this.#stage === AT_COLON) {
        if (bytes[i] !== COLON) throw new JsonError(COLON_EXPECTED, i);
        this.#stage = AT_VALUE;
        i++;
      } else {
        this.#from = i;
        this.#stage = IN_VALUE;
        scanner.begin();
      }
    }
    return i;
  }

  #resolve(stopped: number, projectId: string | undefined): number {
    const waited = this.#waiting;
    this.#check(stopped);
    this.#policy.setProject(this.#level, projectId);
    this.#waiting = NONE;
    this.found = true;
    return waited;
  }

  #check(end: number): void {
    if (end - this.#waiting <= this.#maxHeld) return;
    throw new JsonError(`a conversation does not name its project within ${this.#maxHeld} bytes`, this.#waiting);
  }

  /** The bytes end for now. Returns the index from which on they are needed again; `end`: not at all. */
  neededFrom(end: number): number {
    if (this.#waiting !== NONE) {
      this.#check(end);
      return this.#waiting;
    }
    if (this.#value < 0) return end;
    if (end - this.#value <= MAX_PROJECT_BYTES) return this.#value;
    this.#value = TOO_LONG;
    return end;
  }

  /** The bytes before `by` are gone. */
  rebase(by: number): void {
    this.#waiting = Math.max(NONE, this.#waiting - by);
    if (this.#value >= 0) this.#value -= by;
    this.#from -= by;
  }
}
