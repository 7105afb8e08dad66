import type { Position } from '../fields';
import { decodeString } from '../names';
import { MAX_PROJECT_ID } from '../subject';
import { COLON as COLON_EXPECTED, Fault } from './fault';
import type { Scanner } from './scanner';
import { COLON, QUOTE, SPACE } from './tables';

const IN_MEMBERS = 0;
const AT_COLON = 1;
const AT_VALUE = 2;
const IN_VALUE = 3;

/** A project's id in JSON text, its quotes included: each UTF-16 unit takes up to six bytes (`\u0041`). */
export const MAX_PROJECT_BYTES = MAX_PROJECT_ID * 6 + 2;

/** The project that a value in JSON text names; `undefined`: none. */
export function projectIn(bytes: Buffer, from: number, to: number): string | undefined {
  if (bytes[from] !== QUOTE || to - from > MAX_PROJECT_BYTES) return undefined;
  const id = decodeString(bytes, from + 1, to - 1);
  return id.length <= MAX_PROJECT_ID ? id : undefined;
}

/** Reads ahead in a conversation to the member that names its project, or to its end. Decides nothing, keeps nothing. */
export class ProjectSearch {
  /** Whether the search is over. */
  done = true;
  /** What it found. */
  projectId: string | undefined = undefined;
  readonly #scanner: Scanner;
  #stage = IN_MEMBERS;
  #conversation: Position | null = null;
  /** Where the value begins that names the project. */
  #from = 0;

  constructor(scanner: Scanner) {
    this.#scanner = scanner;
  }

  /** Starts where a value is to come, somewhere inside the conversation that is open at `depth`. */
  begin(conversation: Position, depth: number): void {
    this.done = false;
    this.projectId = undefined;
    this.#conversation = conversation;
    this.#stage = IN_MEMBERS;
    this.#scanner.seek(depth, conversation.table.mask);
  }

  /** The bytes before `by` are gone. */
  rebase(by: number): void {
    this.#from -= by;
  }

  /** Reads on. All bytes since `begin` must still be there. */
  run(bytes: Buffer, at: number, end: number): number {
    const scanner = this.#scanner;
    let i = at;
    while (i < end) {
      if (this.#stage === IN_MEMBERS) {
        i = scanner.skip(bytes, i, end);
        if (scanner.done) return this.#finish(i, undefined);
        if (scanner.stopped) {
          const member = this.#conversation!.table.find(bytes, scanner.nameAt, i - 1, scanner.escaped);
          if (member?.namesProject === true) this.#stage = AT_COLON;
        }
      } else if (this.#stage === IN_VALUE) {
        i = scanner.skip(bytes, i, end);
        if (scanner.done) return this.#finish(i, projectIn(bytes, this.#from, i));
      } else if (SPACE[bytes[i]!] === 1) {
        i++;
      } else if (this.#stage === AT_COLON) {
        if (bytes[i] !== COLON) throw new Fault(COLON_EXPECTED, i);
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

  #finish(at: number, projectId: string | undefined): number {
    this.done = true;
    this.projectId = projectId;
    return at;
  }
}
