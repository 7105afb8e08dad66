import type { Position } from '../fields';
import { EMPTY, type Judge } from '../judge';
import { NameTable } from '../names';
import type { Limits } from '../options';
import { Fault } from './fault';
import { Output } from './output';
import { MAX_PROJECT_BYTES, ProjectSearch, projectIn } from './project-search';
import { Scanner } from './scanner';
import * as tables from './tables';

const { SPACE, QUOTE, COMMA, COLON, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT } = tables;

// What is expected next, or what the tracker is in the middle of.
const AT_VALUE = 0;
const AT_FIRST_VALUE = 1;
const AT_FIRST_NAME = 2;
const AT_NAME = 3;
const AT_COLON = 4;
const AT_NEXT = 5;
const DONE = 6;
const IN_NAME = 7;
const IN_VALUE = 8;
const SEARCHING = 9;

// What becomes of the value being read.
const KEPT = 0;
const EMPTIED = 1;
/** It goes together with its name. */
const DROPPED = 2;

const NONE = -1;
/** Instead of where a project's id begins: it is too long to be one. */
const TOO_LONG = -2;

/** An object or array that the paths lead into. */
interface Frame {
  readonly position: Position;
  readonly list: boolean;
  /** Of which members only these stay; `null`: all. */
  readonly names: NameTable<true> | null;
  /** Whether a member has stayed, where not all do. */
  kept: boolean;
  /** Whether the member that names the project has been met. */
  projectSeen: boolean;
}

/**
 * Follows the paths through a body and decides what leaves. Whatever the paths do not lead into is one run of bytes to
 * it, which the scanner checks.
 *
 * In an object of which only some members stay, a member that goes takes the white space and the comma around it along,
 * so that what stays reads as if the others had never been there, indentation included.
 */
export class Tracker {
  readonly output = new Output();
  readonly #judge: Judge;
  readonly #limits: Limits;
  readonly #root: Position | null;
  readonly #mixed: boolean;
  readonly #scanner: Scanner;
  readonly #search: ProjectSearch;
  readonly #tables = new Map<ReadonlySet<string>, NameTable<true>>();
  readonly #frames: Frame[] = [];
  #stage = AT_VALUE;
  /** Where the value to come is; `null`: nowhere of interest. */
  #position: Position | null;
  #fate = KEPT;
  /** Whether the value to come names the project. */
  #namesProject = false;

  // Indices into the bytes. All but `#run` mark bytes that are still needed: see `pause`.
  /** Since where everything leaves; NONE: nothing does. */
  #run = 0;
  /** Since where it is undecided: a name, and where not all members stay, what separates it from the one before. */
  #mark = NONE;
  /** Where the name being read begins. */
  #name = NONE;
  /** Where the value being read begins that names the project. */
  #project = NONE;
  /** Where the value begins that waits for its conversation's project. */
  #waiting = NONE;
  /** The level of that conversation. */
  #level = NONE;

  constructor(judge: Judge, limits: Limits, root: Position | null, mixed: boolean) {
    this.#judge = judge;
    this.#limits = limits;
    this.#root = root;
    this.#mixed = mixed;
    this.#position = root;
    this.#scanner = new Scanner(limits.depth);
    this.#search = new ProjectSearch(this.#scanner);
  }

  reset(): void {
    this.output.clear();
    this.#frames.length = 0;
    this.#scanner.depth = 0;
    this.#stage = AT_VALUE;
    this.#position = this.#root;
    this.#fate = KEPT;
    this.#namesProject = false;
    this.#run = 0;
    this.#mark = this.#name = this.#project = this.#waiting = NONE;
  }

  /** Reads on in `bytes`, from `at` to `end`. */
  run(bytes: Buffer, at: number, end: number): void {
    const scanner = this.#scanner;
    let i = at;
    while (i < end) {
      const stage = this.#stage;
      if (stage >= IN_NAME) {
        if (stage === SEARCHING) {
          i = this.#search.run(bytes, i, end);
          if (this.#search.done) i = this.#found(i);
          continue;
        }
        i = scanner.skip(bytes, i, end);
        if (!scanner.done) return;
        if (stage === IN_NAME) this.#named(bytes, i);
        else this.#valueRead(bytes, i);
        continue;
      }
      const byte = bytes[i]!;
      if (SPACE[byte] === 1) i++;
      else i = this.#token(stage, byte, i);
    }
  }

  /** The body is over. */
  finish(at: number): void {
    if (this.#stage === IN_VALUE && this.#frames.length === 0) {
      this.#scanner.finish(at);
      this.#stage = DONE;
    }
    if (this.#stage !== DONE) throw new Fault('it ends too early', at);
  }

  #token(stage: number, byte: number, at: number): number {
    switch (stage) {
      case AT_FIRST_VALUE:
        if (byte === CLOSE_LIST) return this.#close(at);
        return this.#value(byte, at);
      case AT_VALUE:
        return this.#value(byte, at);
      case AT_FIRST_NAME:
        if (byte === CLOSE_OBJECT) return this.#close(at);
        return this.#beginName(byte, at);
      case AT_NAME:
        return this.#beginName(byte, at);
      case AT_COLON:
        if (byte !== COLON) throw new Fault('a colon is expected', at);
        this.#stage = AT_VALUE;
        return at + 1;
      case AT_NEXT: {
        const frame = this.#frames[this.#frames.length - 1]!;
        if (byte === (frame.list ? CLOSE_LIST : CLOSE_OBJECT)) return this.#close(at);
        if (byte !== COMMA) throw new Fault('a comma or the right closing bracket is expected', at);
        if (frame.list) {
          this.#stage = AT_VALUE;
          this.#position = frame.position.elements;
        } else {
          this.#stage = AT_NAME;
          if (frame.names !== null) {
            if (this.#run === NONE) this.#decided(at);
            this.#mark = at;
          }
        }
        return at + 1;
      }
      default:
        throw new Fault('something follows the value', at);
    }
  }

  #beginName(byte: number, at: number): number {
    if (byte !== QUOTE) throw new Fault('a member name is expected', at);
    this.#name = at;
    if (this.#mark === NONE) this.#mark = at;
    this.#stage = IN_NAME;
    this.#scanner.begin(this.#frames.length);
    return at;
  }

  /** What was undecided since the mark is decided. */
  #decided(at: number): void {
    if (at - this.#mark > this.#limits.keyBytes) {
      throw new Fault(`a member name of more than ${this.#limits.keyBytes} bytes`, this.#mark);
    }
    this.#mark = NONE;
  }

  #named(bytes: Buffer, at: number): void {
    const frame = this.#frames[this.#frames.length - 1]!;
    const { escaped } = this.#scanner;
    const from = this.#name + 1;
    const member = frame.position.table.find(bytes, from, at - 1, escaped);
    this.#position = member === undefined ? frame.position.others : member.position;
    this.#namesProject = this.#mixed && member?.namesProject === true;
    if (this.#namesProject) {
      if (frame.projectSeen) throw new Fault('a conversation names its project twice', this.#name);
      frame.projectSeen = true;
    }
    const mark = this.#mark;
    this.#decided(at);
    if (frame.names !== null) {
      if (frame.names.find(bytes, from, at - 1, escaped) === undefined) {
        this.#fate = DROPPED;
        this.#leaveOut(mark);
      } else {
        // After members that went, the mark is at the comma, which is needed only behind one that stayed.
        if (this.#run === NONE) this.#run = frame.kept ? mark : mark + 1;
        frame.kept = true;
      }
    }
    this.#stage = AT_COLON;
  }

  /** Nothing leaves from here on. */
  #leaveOut(at: number): void {
    if (this.#run !== NONE) this.output.keep(this.#run, at);
    this.#run = NONE;
  }

  #value(byte: number, at: number): number {
    const position = this.#position;
    if (position !== null && this.#fate === KEPT) {
      const list = byte === OPEN_LIST;
      const claims = list ? position.arrayClaims : position.claims;
      let names: ReadonlySet<string> | null = null;
      if (claims.length > 0) {
        const unknown = this.#mixed ? this.#judge.unknown(claims) : NONE;
        if (unknown !== NONE) return this.#wait(unknown, at);
        const verdict = this.#judge.verdict(claims);
        if (verdict === EMPTY || (verdict !== null && byte !== OPEN_OBJECT)) {
          this.#leaveOut(at);
          this.output.empty(byte);
          this.#fate = EMPTIED;
        } else {
          names = verdict;
        }
      }
      if (this.#fate === KEPT) {
        if (list ? position.elements !== null : byte === OPEN_OBJECT && (names !== null || leadsOn(position))) {
          return this.#open(position, list, names, at);
        }
      }
    }
    if (this.#namesProject) this.#project = at;
    this.#namesProject = false;
    this.#stage = IN_VALUE;
    this.#scanner.begin(this.#frames.length);
    return at;
  }

  #open(position: Position, list: boolean, names: ReadonlySet<string> | null, at: number): number {
    if (this.#namesProject) {
      this.#judge.settle(this.#frames[this.#frames.length - 1]!.position.conversation, undefined);
      this.#namesProject = false;
    }
    this.#scanner.open(list ? 0 : 1, at);
    const table = names === null ? null : this.#table(names);
    this.#frames.push({ position, list, names: table, kept: false, projectSeen: false });
    if (list) {
      this.#stage = AT_FIRST_VALUE;
      this.#position = position.elements;
    } else {
      this.#stage = AT_FIRST_NAME;
      if (table !== null) this.#mark = at + 1;
      if (this.#mixed && position.conversation >= 0) this.#judge.forget(position.conversation);
    }
    return at + 1;
  }

  #table(names: ReadonlySet<string>): NameTable<true> {
    let table = this.#tables.get(names);
    if (table === undefined) {
      table = new NameTable(new Map([...names].map((name) => [name, true])));
      this.#tables.set(names, table);
    }
    return table;
  }

  #close(at: number): number {
    const frame = this.#frames.pop()!;
    this.#scanner.depth--;
    if (frame.names !== null) {
      const mark = this.#mark;
      if (mark !== NONE) this.#decided(at);
      // After members that went, the mark is behind the last: what follows it is the closing bracket's indentation.
      if (this.#run === NONE) this.#run = frame.kept ? mark : at;
    }
    this.#stage = this.#frames.length > 0 ? AT_NEXT : DONE;
    return at + 1;
  }

  #valueRead(bytes: Buffer, at: number): void {
    if (this.#project !== NONE) {
      const id = this.#project === TOO_LONG ? undefined : projectIn(bytes, this.#project, at);
      this.#judge.settle(this.#frames[this.#frames.length - 1]!.position.conversation, id);
      this.#project = NONE;
    }
    if (this.#fate === EMPTIED) this.#run = at;
    else if (this.#fate === DROPPED) this.#mark = at;
    this.#fate = KEPT;
    this.#stage = this.#frames.length > 0 ? AT_NEXT : DONE;
  }

  /** Looks ahead for the project of the conversation at `level`, before deciding about the value here. */
  #wait(level: number, at: number): number {
    const index = this.#frames.findIndex((frame) => frame.position.conversation === level && !frame.list);
    this.#level = level;
    this.#waiting = at;
    this.#stage = SEARCHING;
    this.#search.begin(index + 1, this.#frames[index]!.position.table);
    return at;
  }

  /** The search is over: goes back to the value that waited. */
  #found(at: number): number {
    const waited = this.#waiting;
    if (at - waited > this.#limits.heldBytes) this.#heldTooLong();
    this.#judge.settle(this.#level, this.#search.projectId);
    this.#scanner.depth = this.#frames.length;
    for (const [i, frame] of this.#frames.entries()) this.#scanner.kinds[i + 1] = frame.list ? 0 : 1;
    this.#waiting = NONE;
    this.#stage = AT_VALUE;
    return waited;
  }

  #heldTooLong(): never {
    const { heldBytes } = this.#limits;
    throw new Fault(`a conversation does not name its project within ${heldBytes} bytes`, this.#waiting);
  }

  /**
   * The bytes end for now.
   *
   * @returns from where on they are needed again, in front of the next; indices are counted from there afterwards
   */
  pause(end: number): number {
    let needed = end;
    if (this.#mark !== NONE) {
      const mark = this.#mark;
      this.#decided(end);
      needed = this.#mark = mark;
    }
    if (this.#waiting !== NONE) {
      if (end - this.#waiting > this.#limits.heldBytes) this.#heldTooLong();
      needed = this.#waiting;
    }
    if (this.#project >= 0) {
      if (end - this.#project > MAX_PROJECT_BYTES) this.#project = TOO_LONG;
      else needed = this.#project;
    }
    if (this.#run !== NONE) {
      this.output.keep(this.#run, needed);
      this.#run = 0;
    }
    if (this.#mark !== NONE) this.#mark -= needed;
    if (this.#name !== NONE) this.#name -= needed;
    if (this.#waiting !== NONE) this.#waiting -= needed;
    if (this.#project >= 0) this.#project -= needed;
    this.#search.rebase(needed);
    return needed;
  }
}

function leadsOn(position: Position): boolean {
  return position.named.length > 0 || position.others !== null;
}
