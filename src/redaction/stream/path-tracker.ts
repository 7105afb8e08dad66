import { MISREAD, mayMisread, type NameTable, tableOf } from '../member-name-table';
import type { Limits } from '../options';
import { hasNestedPaths, type PathState } from '../path-matcher';
import { CLEAR, type RedactionPolicy } from '../policy';
import * as faults from './json-error';
import { Scanner } from './json-scanner';
import * as tables from './json-tables';
import { type Frame, MemberSeparators } from './member-separators';
import { NestedJsonDetector } from './nested-json-detector';
import { OutputBuffer } from './output-buffer';
import { ProjectResolver } from './project-resolver';

// States: the token that the tracker expects next, or (from IN_VALUE on) the part that another component reads.
const AT_VALUE = 0;
const AT_FIRST_VALUE = 1;
const AT_COLON = 2;
const AT_NEXT = 3;
const DONE = 4;
const IN_VALUE = 5;
/** In an object, before a name that can be on a path. */
const IN_MEMBERS = 6;
/** Ahead of a value that waits for its conversation's project. */
const SEARCHING = 7;

// Actions on the next value, or on the one being read.
const KEEP = 0;
const CLEARED = 1;
/** Drop the value and its name. */
const DROP = 2;

const { SPACE, COMMA, COLON, QUOTE, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT } = tables;

/** The names that matter in an object, in the scanner's form: all of them if each must be decided. */
function watched({ position, names }: Frame): number {
  return names === null && position.others === null ? position.table.mask : -1;
}

/**
 * Follows the configured paths through a body and decides which bytes are sent. A value that no path leads into is one
 * run of bytes, which only the scanner reads.
 */
export class PathTracker {
  readonly output = new OutputBuffer();
  readonly #policy: RedactionPolicy;
  readonly #mixed: boolean;
  readonly #scanner: Scanner;
  readonly #resolver: ProjectResolver;
  readonly #separators: MemberSeparators;
  readonly #nested: NestedJsonDetector;
  readonly #nextValue: (() => PathState | null) | undefined;
  readonly #frames: Frame[] = [];
  #frame: Frame | undefined;
  #stage = AT_VALUE;
  /** Path state of the next value; null if no path leads into it. */
  #position: PathState | null = null;
  #disposition = KEEP;
  /** True if the next value names the project. */
  #namesProject = false;

  constructor(
    policy: RedactionPolicy,
    limits: Limits,
    mixed: boolean,
    names: ReadonlySet<string>,
    nextValue: (() => PathState | null) | undefined,
  ) {
    this.#policy = policy;
    this.#nextValue = nextValue;
    this.#nested = new NestedJsonDetector(names, limits.heldBytes);
    this.#mixed = mixed;
    this.#scanner = new Scanner(limits.depth, limits.keyBytes);
    this.#separators = new MemberSeparators(this.output, limits.keyBytes);
    this.#resolver = new ProjectResolver(policy, this.#scanner, limits.heldBytes);
  }

  /** @param root - the position of the next body; `null`: nothing in it is matched */
  reset(root: PathState | null): void {
    this.#nested.reset();
    this.output.reset();
    this.#frames.length = 0;
    this.#frame = undefined;
    this.#scanner.depth = 0;
    this.#stage = AT_VALUE;
    this.#position = root;
    this.#disposition = KEEP;
    this.#namesProject = false;
    this.#separators.reset();
    this.#resolver.reset();
  }

  /** Reads on in `bytes`, from `at` to `end`. */
  run(bytes: Buffer, at: number, end: number): void {
    const scanner = this.#scanner;
    scanner.fresh();
    let i = at;
    while (i < end) {
      const stage = this.#stage;
      if (stage < IN_VALUE) {
        const byte = bytes[i]!;
        if (SPACE[byte] === 1) i++;
        else i = this.#token(stage, byte, i);
      } else if (stage === SEARCHING) {
        i = this.#resolver.run(bytes, i, end);
        if (this.#resolver.found) {
          scanner.restore(this.#frames.map(({ list }) => (list ? 0 : 1)));
          this.#stage = AT_VALUE;
        }
      } else {
        i = scanner.skip(bytes, i, end);
        if (stage === IN_MEMBERS) {
          if (scanner.stopped) this.#onMemberName(bytes, i);
          else if (scanner.done) this.#closed(bytes, i);
        } else if (scanner.done) {
          this.#valueRead(bytes, i);
        }
      }
    }
  }

  /** Whether a value is complete. */
  get isDone(): boolean {
    return this.#stage === DONE;
  }

  /** The body is over. */
  finish(at: number): void {
    if (this.#stage === IN_VALUE && this.#frame === undefined) {
      this.#scanner.finish(at);
      this.#stage = DONE;
    }
    if (this.#stage !== DONE) throw new faults.JsonError('it ends too early', at);
  }

  #token(stage: number, byte: number, at: number): number {
    switch (stage) {
      case AT_VALUE:
        return this.#value(byte, at);
      case AT_FIRST_VALUE:
        return byte === CLOSE_LIST ? this.#closeList(at) : this.#value(byte, at);
      case AT_COLON:
        if (byte !== COLON) throw new faults.JsonError(faults.COLON, at);
        this.#stage = AT_VALUE;
        return at + 1;
      case AT_NEXT:
        if (byte === CLOSE_LIST) return this.#closeList(at);
        if (byte !== COMMA) throw new faults.JsonError(faults.SEPARATOR, at);
        this.#stage = AT_VALUE;
        this.#position = this.#frame!.position.elements;
        return at + 1;
      default:
        if (this.#nextValue === undefined) throw new faults.JsonError('something follows the value', at);
        this.#position = this.#nextValue();
        this.#stage = AT_VALUE;
        return at;
    }
  }

  /** A name was read that may be one of those looked for. */
  #onMemberName(bytes: Buffer, at: number): void {
    const frame = this.#frame!;
    const { nameAt, escaped } = this.#scanner;
    if (frame.names !== null) {
      const stays = frame.names.find(bytes, nameAt, at - 1, escaped) !== undefined;
      this.#separators.decide(frame, bytes, nameAt - 1, at, stays);
      this.#disposition = stays ? KEEP : DROP;
    }
    this.#resolveMember(frame, bytes, nameAt, at - 1, escaped);
    if (this.#namesProject || (this.#position !== null && this.#disposition === KEEP)) this.#stage = AT_COLON;
    else this.#disposition = KEEP;
  }

  #resolveMember(frame: Frame, bytes: Buffer, from: number, to: number, escaped: boolean): void {
    const { table, others } = frame.position;
    const member = table.find(bytes, from, to, escaped);
    if (escaped && this.#disposition === KEEP && mayMisread(bytes, from, to)) throw new faults.JsonError(MISREAD, from);
    this.#position = member === undefined ? others : member.position;
    this.#namesProject = this.#mixed && member?.namesProject === true;
    if (this.#namesProject) {
      if (frame.projectSeen) throw new faults.JsonError('a conversation names its project twice', from);
      frame.projectSeen = true;
    }
  }

  #value(byte: number, at: number): number {
    const position = this.#position;
    if (position !== null && this.#disposition === KEEP) {
      const list = byte === OPEN_LIST;
      const matches = list ? position.arrayMatches : position.matches;
      let names: ReadonlySet<string> | null = null;
      if (matches.length > 0) {
        const unknown = this.#mixed ? this.#policy.firstUnresolvedLevel(matches) : -1;
        if (unknown >= 0) return this.#wait(unknown, at);
        const action = this.#policy.actionFor(matches);
        if (action === CLEAR || (action !== null && byte !== OPEN_OBJECT)) {
          this.output.replace(byte, at);
          this.#disposition = CLEARED;
        } else {
          names = action;
        }
      }
      if (this.#disposition === KEEP) {
        if (list && position.elements !== null) {
          this.#push(position, true, null, at);
          this.#stage = AT_FIRST_VALUE;
          this.#position = position.elements;
          return at + 1;
        }
        if (byte === QUOTE && hasNestedPaths(position)) this.#nested.begin(at);
        if (byte === OPEN_OBJECT && (names !== null || hasNestedPaths(position)))
          return this.#openObject(position, names, at);
      }
    }
    if (this.#namesProject) this.#resolver.begin(this.#frame!.position.conversation, at);
    this.#namesProject = false;
    this.#stage = IN_VALUE;
    this.#scanner.begin();
    return at;
  }

  #openObject(position: PathState, chosen: ReadonlySet<string> | null, at: number): number {
    this.#push(position, false, chosen && tableOf(chosen), at);
    if (this.#mixed && position.conversation >= 0) this.#policy.clearProject(position.conversation);
    this.#stage = IN_MEMBERS;
    this.#scanner.enter(watched(this.#frame!));
    return at + 1;
  }

  #push(position: PathState, list: boolean, names: NameTable<true> | null, at: number): void {
    // The member that names the project is not a string, so the conversation has no project.
    if (this.#namesProject) this.#policy.setProject(this.#frame!.position.conversation, undefined);
    this.#namesProject = false;
    this.#scanner.open(list ? 0 : 1, at);
    this.#frame = { position, list, names, kept: false, projectSeen: false };
    this.#frames.push(this.#frame);
  }

  #closeList(at: number): number {
    this.#scanner.depth--;
    this.#pop();
    return at + 1;
  }

  #closed(bytes: Buffer, at: number): void {
    const frame = this.#frame!;
    if (frame.names !== null) this.#separators.closed(frame, bytes, at - 1);
    this.#pop();
  }

  #pop(): void {
    this.#frames.pop();
    this.#frame = this.#frames[this.#frames.length - 1];
    this.#afterValue();
  }

  #valueRead(bytes: Buffer, at: number): void {
    if (this.#mixed) this.#resolver.end(bytes, at);
    this.#nested.end(bytes, at);
    if (this.#disposition === CLEARED) this.output.resume(at);
    this.#disposition = KEEP;
    this.#afterValue();
  }

  /** A value has ended. */
  #afterValue(): void {
    const frame = this.#frame;
    if (frame === undefined) {
      this.#stage = DONE;
    } else if (frame.list) {
      this.#stage = AT_NEXT;
    } else {
      this.#stage = IN_MEMBERS;
      this.#scanner.resume(watched(frame));
    }
  }

  /** The value here must know whose the conversation at `level` is. */
  #wait(level: number, at: number): number {
    const index = this.#frames.findIndex(({ position, list }) => !list && position.conversation === level);
    this.#resolver.wait(this.#frames[index]!.position, index + 1, at);
    this.#stage = SEARCHING;
    return at;
  }

  /**
   * The bytes end for now.
   *
   * @returns the index from which on they are needed again, in front of the next piece; indices count from there afterwards
   */
  pause(bytes: Buffer, end: number): number {
    const needed =
      this.#stage === IN_MEMBERS
        ? this.#separators.neededFrom(this.#frame!, this.#scanner, bytes, end)
        : Math.min(this.#resolver.neededFrom(end), this.#nested.neededFrom(bytes, end));
    this.#nested.rebase(needed);
    this.#separators.rebase(needed);
    this.#scanner.nameAt -= needed;
    this.#resolver.rebase(needed);
    return needed;
  }
}
