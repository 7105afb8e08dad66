/** A deliberate fault in the package's code. The simulator must find each. */
export interface Mutation {
  readonly name: string;
  /** Text of the bundled code, each with its replacement. Each must occur exactly once. */
  readonly edits: readonly (readonly [find: string, replacement: string])[];
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'lease-after-read',
    edits: [
      [
        '(value) => this.#store(id, self, value),',
        '(value) => { self.lease = lease(id) ?? this.#ownLease(id); return this.#store(id, self, value); },',
      ],
    ],
  },
  {
    name: 'lease-from-reply-time',
    edits: [['this.#node.extend(lease, sent2);', 'this.#node.extend(lease, timestampsOf(clock));']],
  },
  {
    name: 'no-new-lease-on-reconnect',
    edits: [
      ['this.#node.replaceLease();\n    if (this.#timer === null', 'if (this.#timer === null'],
      ['#opened(server) {\n    this.#lease = new Lease();', '#opened(server) {'],
    ],
  },
  {
    name: 'in-flight-rule-dropped',
    edits: [['if (read.invalidated) return read;', '']],
  },
  {
    name: 'acceptance-rule-dropped',
    edits: [['version === this.#version && lease.holds(this.#options.clock, wall)', 'true']],
  },
  {
    name: 'server-not-verified',
    edits: [
      ['return this.#isVerified && this.client.status === "ready";', 'return this.client.status === "ready";'],
      ['if (hasMoved() || server?.', 'if (server?.'],
      ['function roleProblem(role) {', 'function roleProblem(role) {\n  return null;'],
      ['if (identity === clientIdentity) return true;', 'return true;'],
    ],
  },
  {
    name: 'monotonic-clock-only',
    edits: [
      [
        'return clock.monotonic() < this.#untilMonotonic && wall < this.#untilWall;',
        'return clock.monotonic() < this.#untilMonotonic;',
      ],
    ],
  },
  {
    name: 'wall-clock-only',
    edits: [
      ['return clock.monotonic() < this.#untilMonotonic && wall < this.#untilWall;', 'return wall < this.#untilWall;'],
    ],
  },
  {
    name: 'invalidations-ignored',
    edits: [['keyNames.parseKeyName(String(', '((_name) => null)(String(']],
  },
  {
    name: 'database-watch-dropped',
    edits: [['return flags.includes("d") ? "swapped" : "same";', 'return "same";']],
  },
  {
    name: 'operation-check-dropped',
    edits: [
      ["if (record.op or '') ~= ARGV[9] then return { 'stale' } end", ''],
      ["if (stored or '') ~= ARGV[8] then return { 'stale' } end", ''],
    ],
  },
  {
    name: 'changes-resent-without-deadline',
    edits: [
      [
        'reconnectOnError: null,\n    autoResendUnfulfilledCommands: false,\n    maxRetriesPerRequest: null,',
        'reconnectOnError: null,\n    autoResendUnfulfilledCommands: true,\n    maxRetriesPerRequest: null,',
      ],
      ["if now[1] * 1000 + now[2] / 1000 > tonumber(ARGV[1]) then return { 'late' } end", ''],
      ['onLoss(() => failAll(', 'onLoss(() => ('],
    ],
  },
];

/** The code with a mutation. Throws if the code has changed so that an edit no longer fits. */
export function mutate(code: string, { name, edits }: Mutation): string {
  let mutated = code;
  for (const [find, replacement] of edits) {
    const parts = mutated.split(find);
    if (parts.length !== 2)
      throw new Error(`Mutation ${name}: expected one occurrence, found ${parts.length - 1}: ${find}`);
    mutated = parts.join(replacement);
  }
  return mutated;
}
