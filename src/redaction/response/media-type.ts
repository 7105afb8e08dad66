/** What a `Content-Type` says, as far as it decides anything here. */
export interface MediaType {
  /** `type/subtype`, lower case. */
  readonly essence: string;
  /** Lower case, without quotes; undefined where none is named. */
  readonly charset: string | undefined;
}

/** How JSON lies in a body: alone, a value a line, a value after each record separator, in events, in a script. */
export type Framing = 'json' | 'lines' | 'sequence' | 'events' | 'script';

/** A content coding that `node:zlib` can undo in a stream. */
export type Coding = 'gzip' | 'br' | 'deflate' | 'zstd';

const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const ESSENCE = /^[!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** RFC 9110, 5.6.6: `; name=value`, the value a token or a quoted string. */
const PARAMETER = /;[ \t]*(?:([!#$%&'*+.^_`|~0-9a-z-]+)=([!#$%&'*+.^_`|~0-9a-z-]+|"(?:[^"\\]|\\.)*"))?[ \t]*/gy;

const FRAMINGS: ReadonlyMap<string, Framing> = new Map([
  ['application/json', 'json'],
  ['text/json', 'json'],
  ['application/x-ndjson', 'lines'],
  ['application/ndjson', 'lines'],
  ['application/jsonl', 'lines'],
  ['application/x-jsonl', 'lines'],
  ['application/jsonlines', 'lines'],
  ['application/x-jsonlines', 'lines'],
  ['application/stream+json', 'lines'],
  ['application/x-stream+json', 'lines'],
  ['application/json-seq', 'sequence'],
  ['text/event-stream', 'events'],
  ['text/javascript', 'script'],
  ['application/javascript', 'script'],
  ['application/x-javascript', 'script'],
]);

const CODINGS: ReadonlyMap<string, Coding | null> = new Map([
  ['', null],
  ['identity', null],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['br', 'br'],
  ['deflate', 'deflate'],
  ['zstd', 'zstd'],
]);

/** Reads a `Content-Type`; `null` where it cannot be read without doubt. */
export function parseMediaType(value: string): MediaType | null {
  const lower = value.trim().toLowerCase();
  const end = lower.indexOf(';');
  const essence = (end === -1 ? lower : lower.slice(0, end)).trim();
  if (!ESSENCE.test(essence)) return null;
  let charset: string | undefined;
  let at = end === -1 ? lower.length : end;
  while (at < lower.length) {
    PARAMETER.lastIndex = at;
    const match = PARAMETER.exec(lower);
    if (match === null) return null;
    at = PARAMETER.lastIndex;
    if (match[1] !== 'charset') continue;
    const text = match[2]!.replace(/^"(.*)"$/, '$1');
    // Two charsets: a client may believe the other one.
    if (!TOKEN.test(text) || (charset !== undefined && charset !== text)) return null;
    charset = text;
  }
  return { essence, charset };
}

/** How JSON lies in a body of this type; undefined where the type is none that we can read. */
export function framingOf(essence: string): Framing | undefined {
  return FRAMINGS.get(essence) ?? (essence.endsWith('+json') ? 'json' : undefined);
}

/** The one coding of a body; `null`: none; undefined: one we cannot undo, or several. */
export function codingOf(value: string): Coding | null | undefined {
  return CODINGS.get(value.trim().toLowerCase());
}

/** Whether `type/subtype` is in a list of types and `type/*`. */
export function listed(essence: string, types: readonly string[]): boolean {
  return types.some((type) => type === essence || (type.endsWith('/*') && essence.startsWith(type.slice(0, -1))));
}
