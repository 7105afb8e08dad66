import type { Limits } from '../../src/redaction/options';
import type { Fields } from '../../src/redaction/path-matcher';
import type { PolicySource } from '../../src/redaction/policy';
import type { CreateScanner } from '../../src/redaction/stream/create-scanner';
import { createScanner } from '../../src/redaction/stream/create-scanner';
import { createJsonFilter, filterText } from '../../src/redaction/stream/json-filter';
import { PlainScanner } from '../../src/redaction/stream/plain-scanner';
import { WasmScanner } from '../../src/redaction/stream/wasm/wasm-scanner';
import { pieces } from './fixtures';

/** Both scanners. Whatever these tests filter goes through both, and must come out alike. */
const SCANNERS: readonly CreateScanner[] = [
  (maxDepth, maxName) => new PlainScanner(maxDepth, maxName),
  (maxDepth, maxName) => {
    const scanner = createScanner(maxDepth, maxName);
    if (!(scanner instanceof WasmScanner)) throw new Error('The tests need a Node with WebAssembly.');
    return scanner;
  },
];

function ofBoth(filter: (create: CreateScanner) => Buffer): Buffer {
  const [plain, wasm] = SCANNERS.map((create) => {
    try {
      return filter(create);
    } catch (error) {
      return error;
    }
  });
  if (Buffer.isBuffer(plain) && Buffer.isBuffer(wasm) && plain.equals(wasm)) return plain;
  if (plain instanceof Error && wasm instanceof Error && plain.message === wasm.message) throw plain;
  throw new Error(`The scanners disagree: ${String(plain)} is not ${String(wasm)}`);
}

/** Filters a body in pieces of these lengths. Each is overwritten as soon as it has been read. */
export function filterInPieces(
  bytes: Uint8Array,
  lengths: readonly number[],
  fields: Fields,
  subject: PolicySource,
  limits: Limits,
): Buffer {
  return ofBoth((create) => {
    const left: Buffer[] = [];
    const keep = (emitted: Uint8Array) => left.push(Buffer.from(emitted));
    const filter = createJsonFilter(fields, subject, limits, keep, create);
    for (const piece of pieces(bytes, lengths)) {
      filter.write(piece);
      piece.fill(0x21);
    }
    filter.end();
    return Buffer.concat(left);
  });
}

/** Filters a body in one piece, as bytes, which must stay unchanged, and as a string, with the same result. */
export function filterWhole(body: string | Uint8Array, fields: Fields, subject: PolicySource, limits: Limits): Buffer {
  return ofBoth((create) => {
    const bytes = Buffer.from(body as string);
    const left = Buffer.from(filterText(bytes, fields, subject, limits, create).bytes);
    const text = bytes.toString();
    if (!bytes.equals(Buffer.from(body as string))) throw new Error('The bytes given have been changed.');
    if (!bytes.equals(Buffer.from(text))) return left;
    const ofText = Buffer.from(filterText(text, fields, subject, limits, create).bytes);
    if (!ofText.equals(left)) throw new Error(`The text comes out otherwise: ${ofText.toString()}`);
    return left;
  });
}
