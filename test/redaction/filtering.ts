import { createJsonFilter } from '../../src/redaction/bytes/filter';
import type { Fields } from '../../src/redaction/fields';
import type { Limits } from '../../src/redaction/options';
import type { Subject } from '../../src/redaction/subject';
import { pieces } from './documents';

/** What leaves of a body that is written in pieces of these lengths, each overwritten as soon as it has been taken. */
export function filterInPieces(
  bytes: Uint8Array,
  lengths: readonly number[],
  fields: Fields,
  subject: Subject,
  limits: Limits,
): Buffer {
  const left: Buffer[] = [];
  const filter = createJsonFilter(fields, subject, limits, (emitted) => left.push(Buffer.from(emitted)));
  for (const piece of pieces(bytes, lengths)) {
    filter.write(piece);
    piece.fill(0x21);
  }
  filter.end();
  return Buffer.concat(left);
}
