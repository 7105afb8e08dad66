import { isCluster, type RedisClient } from './client';

/**
 * Names the nodes that serve a key, as far as the client knows. Commands of one group can be sent in one pipeline. The
 * grouping is that of ioredis, which rejects pipelines across groups. A single server has one group.
 *
 * @param key With the client's own prefix.
 */
export function nodeGroup(client: RedisClient, key: string): string {
  return isCluster(client) ? (client.slots[slotOf(key)]?.join(';') ?? '') : '';
}

/** Slots of a Redis Cluster. */
export const SLOTS = 16_384;

/** CRC-16/XMODEM by byte: the checksum of the Redis Cluster specification. */
const CRC16 = Uint16Array.from({ length: 256 }, function crcOfByte(_, byte) {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/**
 * Redis Cluster slot of a key. It is decided by the part in the first braces, or by the whole key if that part is empty or
 * missing. Not by `cluster-key-slot` 1.1.2, which returns another slot than Redis for `{}{tag}`.
 */
export function slotOf(key: string): number {
  const open = key.indexOf('{');
  const close = open === -1 ? -1 : key.indexOf('}', open + 1);
  let crc = 0;
  for (const byte of Buffer.from(close > open + 1 ? key.slice(open + 1, close) : key)) {
    crc = ((crc << 8) & 0xffff) ^ (CRC16[((crc >> 8) ^ byte) & 0xff] as number);
  }
  return crc % SLOTS;
}

const DIGITS = [...'0123456789abcdefghijklmnopqrstuvwxyz'];
/** The two halves of tags: by the slot of the end, and by the slot that the beginning contributes. */
let halves: {
  readonly ends: ReadonlyMap<number, string>;
  readonly starts: readonly (readonly [string, number])[];
} | null = null;

/**
 * A string of four characters with this slot. The checksum is linear: that of a string is the XOR of those of its parts,
 * each with zero bytes in place of the other. Zero bytes at the beginning do not change it.
 */
export function tagOfSlot(slot: number): string {
  if (halves === null) {
    const pairs = DIGITS.flatMap((first) => DIGITS.map((second) => first + second));
    halves = {
      ends: new Map(pairs.map((pair) => [slotOf(pair), pair])),
      starts: pairs.map((pair) => [pair, slotOf(`${pair}\0\0`)]),
    };
  }
  for (const [start, contribution] of halves.starts) {
    const end = halves.ends.get(slot ^ contribution);
    if (end !== undefined) return start + end;
  }
  throw new RangeError(`A Cluster has no slot ${slot}.`);
}
