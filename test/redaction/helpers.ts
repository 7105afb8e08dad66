import type { Limits } from '../../src/redaction/options';
import type { Fields } from '../../src/redaction/path-matcher';
import type { PolicySource } from '../../src/redaction/policy';
import { JsonFilter } from '../../src/redaction/stream/json-filter';
import { pieces } from './fixtures';

/** A filter that calls `emit` with the result of each piece, if there is any. */
export function createJsonFilter(
  fields: Fields,
  source: PolicySource,
  limits: Limits,
  emit: (bytes: Uint8Array) => void,
): Pick<JsonFilter, 'write' | 'end' | 'withheld'> {
  const filter = new JsonFilter({ fields, limits, getPolicy: () => source });
  return {
    get withheld() {
      return filter.withheld;
    },
    write(piece) {
      const bytes = filter.write(piece);
      if (bytes.length > 0) emit(bytes);
      return bytes;
    },
    end: () => filter.end(),
  };
}

/** Filters a JSON text in one piece. */
export function filterText(text: string | Uint8Array, fields: Fields, source: PolicySource, limits: Limits) {
  const filter = new JsonFilter({ fields, limits, getPolicy: () => source });
  const bytes = filter.write(Buffer.from(text as string));
  filter.end();
  return { bytes, withheld: filter.withheld };
}

/** Filters a body in pieces of these lengths. Each is overwritten as soon as it has been read. */
export function filterInPieces(
  bytes: Uint8Array,
  lengths: readonly number[],
  fields: Fields,
  subject: PolicySource,
  limits: Limits,
): Buffer {
  const left: Buffer[] = [];
  const keep = (emitted: Uint8Array) => left.push(Buffer.from(emitted));
  const filter = createJsonFilter(fields, subject, limits, keep);
  for (const piece of pieces(bytes, lengths)) {
    filter.write(piece);
    piece.fill(0x21);
  }
  filter.end();
  return Buffer.concat(left);
}

/** Filters a body in one piece of bytes, which must stay unchanged. */
export function filterWhole(body: string | Uint8Array, fields: Fields, subject: PolicySource, limits: Limits): Buffer {
  const bytes = Buffer.from(body as string);
  const filter = new JsonFilter({ fields, limits, getPolicy: () => subject });
  const left = Buffer.from(filter.write(bytes));
  filter.end();
  if (!bytes.equals(Buffer.from(body as string))) throw new Error('The bytes given have been changed.');
  return left;
}
