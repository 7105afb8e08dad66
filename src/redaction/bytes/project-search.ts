import type { Member } from '../fields';
import type { NameTable } from '../names';
import { decodeString } from '../names';
import { MAX_PROJECT_ID } from '../subject';
import { Fault } from './fault';
import type { Scanner } from './scanner';
import * as tables from './tables';

const { SPACE, QUOTE, COMMA, COLON, CLOSE_OBJECT } = tables;

const IN_REST = 0;
const AT_NEXT = 1;
const AT_NAME = 2;
const IN_NAME = 3;
const AT_COLON = 4;
const AT_VALUE = 5;
const IN_VALUE = 6;

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
  #stage = IN_REST;
  #depth = 0;
  #names: NameTable<Member> | null = null;
  /** Where the name or the project's value being read begins. */
  #from = 0;
  #isProject = false;

  constructor(scanner: Scanner) {
    this.#scanner = scanner;
  }

  /**
   * Starts where a value is to come, somewhere inside the conversation.
   *
   * @param depth - how many levels are open with the conversation itself
   */
  begin(depth: number, names: NameTable<Member>): void {
    this.done = false;
    this.projectId = undefined;
    this.#stage = IN_REST;
    this.#depth = depth;
    this.#names = names;
    this.#scanner.begin(depth);
  }

  /** The bytes have moved towards the front. */
  rebase(by: number): void {
    this.#from -= by;
  }

  /** Reads on. All bytes since `begin` must still be there. */
  run(bytes: Buffer, at: number, end: number): number {
    const scanner = this.#scanner;
    let i = at;
    while (i < end) {
      if (this.#stage === IN_REST || this.#stage === IN_NAME || this.#stage === IN_VALUE) {
        i = scanner.skip(bytes, i, end);
        if (!scanner.done) return i;
        if (this.#stage === IN_VALUE) return this.#finish(i, projectIn(bytes, this.#from, i));
        if (this.#stage === IN_NAME) {
          const member = this.#names!.find(bytes, this.#from + 1, i - 1, scanner.escaped);
          this.#isProject = member?.namesProject === true;
          this.#stage = AT_COLON;
        } else {
          this.#stage = AT_NEXT;
        }
        continue;
      }
      const byte = bytes[i]!;
      if (SPACE[byte] === 1) {
        i++;
        continue;
      }
      switch (this.#stage) {
        case AT_NEXT:
          if (byte === CLOSE_OBJECT) return this.#finish(i, undefined);
          if (byte !== COMMA) throw new Fault('a comma or the right closing bracket is expected', i);
          this.#stage = AT_NAME;
          i++;
          break;
        case AT_NAME:
          if (byte !== QUOTE) throw new Fault('a member name is expected', i);
          this.#from = i;
          this.#stage = IN_NAME;
          scanner.begin(this.#depth);
          break;
        case AT_COLON:
          if (byte !== COLON) throw new Fault('a colon is expected', i);
          this.#stage = AT_VALUE;
          i++;
          break;
        default:
          this.#from = i;
          this.#stage = this.#isProject ? IN_VALUE : IN_REST;
          scanner.begin(this.#depth);
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
