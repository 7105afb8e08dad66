import type { Position } from '../fields';
import type { Judge } from '../judge';
import { Fault } from './fault';
import { MAX_PROJECT_BYTES, ProjectSearch, projectIn } from './project-search';
import type { Scanner } from './scanner';

const NONE = -1;
/** Instead of where a project's id begins: it is too long to be one. */
const TOO_LONG = -2;

/** Finds out whose the conversations are, in a body that mixes projects, and holds back what waits for it. */
export class Attribution {
  readonly #judge: Judge;
  readonly #search: ProjectSearch;
  readonly #maxHeld: number;
  /** Where the value begins that is being read and names a project. */
  #value = NONE;
  /** Where the value begins that waits for its conversation's project. */
  #waiting = NONE;
  /** The level of the conversation in question. */
  #level = NONE;

  constructor(judge: Judge, scanner: Scanner, maxHeld: number) {
    this.#judge = judge;
    this.#search = new ProjectSearch(scanner);
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
    this.#judge.settle(this.#level, projectId);
    this.#value = NONE;
  }

  /** A value waits for the project of the conversation that is open at `depth`. */
  wait(conversation: Position, depth: number, at: number): void {
    this.#level = conversation.conversation;
    this.#waiting = at;
    this.#search.begin(conversation, depth);
  }

  /** Whether the wait is over. */
  get found(): boolean {
    return this.#search.done;
  }

  /** Reads ahead. Returns where it stopped; when the wait is over, where the value is that waited. */
  run(bytes: Buffer, at: number, end: number): number {
    const stopped = this.#search.run(bytes, at, end);
    if (!this.#search.done) return stopped;
    const waited = this.#waiting;
    this.#check(stopped);
    this.#judge.settle(this.#level, this.#search.projectId);
    this.#waiting = NONE;
    return waited;
  }

  #check(end: number): void {
    if (end - this.#waiting <= this.#maxHeld) return;
    throw new Fault(`a conversation does not name its project within ${this.#maxHeld} bytes`, this.#waiting);
  }

  /** The bytes end for now. From where on they are needed again; `end`: not at all. */
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
    this.#search.rebase(by);
  }
}
