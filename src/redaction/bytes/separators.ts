import { Fault } from './fault';
import type { Frame } from './frame';
import type { Output } from './output';

const NONE = -1;

/**
 * Puts right what stands between the members of an object of which only some stay: a member that goes takes the white
 * space and the comma around it along, so that what stays reads as if the others had never been there, indentation
 * included.
 */
export class Separators {
  readonly #output: Output;
  readonly #maxBytes: number;
  /** Since where it is undecided what leaves: what separates a member from the one before, and its name. */
  #mark = NONE;

  constructor(output: Output, maxBytes: number) {
    this.#output = output;
    this.#maxBytes = maxBytes;
  }

  reset(): void {
    this.#mark = NONE;
  }

  /** The object begins in front of this. */
  opened(at: number): void {
    this.#mark = at;
  }

  /** Here is a comma. */
  comma(at: number): void {
    if (this.#mark !== NONE) this.#decide(at);
    this.#mark = at;
  }

  /** A name ends here, whose member stays. */
  stays(frame: Frame, at: number): void {
    const mark = this.#mark;
    this.#decide(at);
    // Behind members that went, the mark is at the comma, which is needed only if one has stayed before.
    if (!this.#output.open) this.#output.reopen(frame.kept ? mark : mark + 1);
    frame.kept = true;
  }

  /** A name ends here, whose member goes. */
  goes(at: number): void {
    const mark = this.#mark;
    this.#decide(at);
    this.#output.shut(mark);
  }

  /** A member that goes has ended. */
  gone(at: number): void {
    this.#mark = at;
  }

  /** Here is the closing bracket. */
  closed(frame: Frame, at: number): void {
    const mark = this.#mark;
    if (mark !== NONE) this.#decide(at);
    // Behind members that went, the mark is after the last: what follows it is the closing bracket's indentation.
    if (!this.#output.open) this.#output.reopen(frame.kept ? mark : at);
  }

  #decide(at: number): void {
    if (at - this.#mark > this.#maxBytes) {
      throw new Fault(`a member name of more than ${this.#maxBytes} bytes`, this.#mark);
    }
    this.#mark = NONE;
  }

  /** The bytes end for now. From where on they are needed again; `end`: not at all. */
  neededFrom(end: number): number {
    const mark = this.#mark;
    if (mark === NONE) return end;
    this.#decide(end);
    this.#mark = mark;
    return mark;
  }

  /** The bytes before `by` are gone. */
  rebase(by: number): void {
    if (this.#mark !== NONE) this.#mark -= by;
  }
}
