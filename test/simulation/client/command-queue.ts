import type { Command } from '../redis/connection';

/** One command of a client, from its call to its reply. */
export class QueuedCommand {
  readonly promise: Promise<unknown>;
  resolve!: (value: unknown) => void;
  reject!: (error: Error) => void;
  /** Its place in a pipeline. */
  pipelineIndex: number | undefined;
  pipeline: PipelineBuffer | undefined;

  constructor(
    public parts: Command,
    /** Builds what is written on a socket: a script is sent whole once, then by its digest. */
    readonly encode: (socket: object) => Command = () => this.parts,
  ) {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // A caller that has timed out does not handle the error.
    this.promise.catch(() => {});
  }

  get name(): string {
    return this.parts[0]!.toLowerCase();
  }
}

/** Collects the commands of a pipeline, and writes them in one piece when all are there. */
export class PipelineBuffer {
  #commands: Command[] = [];

  constructor(readonly size: number) {}

  add(command: Command, write: (commands: readonly Command[]) => void): void {
    this.#commands.push(command);
    if (this.#commands.length < this.size) return;
    const commands = this.#commands;
    this.#commands = [];
    write(commands);
  }
}

/** Where only the end of a pipeline is unanswered, it cannot be sent again as a whole, and what is left of it fails. */
export function abortIncompletePipelines(queue: QueuedCommand[]): void {
  let expected = 0;
  for (let i = 0; i < queue.length; ) {
    const command = queue[i]!;
    if (command.pipelineIndex === undefined || command.pipelineIndex === 0) expected = 0;
    if (command.pipelineIndex !== undefined && command.pipelineIndex !== expected++) {
      queue.splice(i, 1);
      command.reject(new Error('Command aborted due to connection close'));
      continue;
    }
    i += 1;
  }
}
