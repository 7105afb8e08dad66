import { BlockList, isIP, isIPv4, SocketAddress } from 'node:net';

/** Addresses that a key is limited to. */
export interface AddressList {
  /** Number of entries. */
  readonly size: number;
  /** Whether an address is in the list. False for a string that is no address, and for one with a zone. */
  has(address: string): boolean;
}

interface Address {
  readonly text: string;
  readonly family: 'ipv4' | 'ipv6';
}

const MAPPED = '::ffff:';
const BITS = { ipv4: 32, ipv6: 128 } as const;

/**
 * The usual form of an address. An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is the IPv4 address, because a
 * server that listens on `::` sees its IPv4 clients so. Null if a string is no address, or has a zone (`fe80::1%eth0`).
 */
export function readAddress(given: string): Address | null {
  const version = given.includes('%') ? 0 : isIP(given);
  if (version === 0) return null;
  if (version === 4) return { text: given, family: 'ipv4' };
  const { address } = new SocketAddress({ address: given, family: 'ipv6' });
  const mapped = address.startsWith(MAPPED) ? address.slice(MAPPED.length) : '';
  return isIPv4(mapped) ? { text: mapped, family: 'ipv4' } : { text: address, family: 'ipv6' };
}

interface Entry extends Address {
  readonly prefix: number;
}

/** An address or a CIDR block (RFC 4632): `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`. Null for another string. */
function readEntry(text: string): Entry | null {
  const [given = '', bits, ...rest] = text.split('/');
  const address = rest.length === 0 ? readAddress(given) : null;
  if (address === null) return null;
  const maximum = BITS[address.family];
  if (bits === undefined) return { ...address, prefix: maximum };
  // A mapped address with a prefix would count bits that the IPv4 address does not have.
  const isMapped = address.family === 'ipv4' && given !== address.text;
  if (isMapped || !/^(?:0|[1-9]\d{0,2})$/.test(bits) || Number(bits) > maximum) return null;
  return { ...address, prefix: Number(bits) };
}

function toNumber({ text, family }: Address): bigint {
  if (family === 'ipv4') return text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const [head, tail] = text.split('::').map((groups) => groups.split(':').filter((group) => group !== ''));
  const zeros = new Array<string>(8 - (head?.length ?? 0) - (tail?.length ?? 0)).fill('0');
  return [...(head ?? []), ...zeros, ...(tail ?? [])].reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

/** Whether a block begins with its first address. `10.1.2.3/8` could be meant as one address. */
function isFirstAddress(entry: Entry): boolean {
  const hostBits = BITS[entry.family] - entry.prefix;
  return hostBits === 0 || toNumber(entry) % (1n << BigInt(hostBits)) === 0n;
}

/** The usual form of an entry, or null if it is none. */
export function normalizeEntry(text: string): string | null {
  const entry = readEntry(text);
  // IPv4-compatible addresses (`::192.0.2.7`) are deprecated, and hardly meant.
  if (entry === null || (entry.family === 'ipv6' && entry.text.includes('.')) || !isFirstAddress(entry)) return null;
  return entry.prefix === BITS[entry.family] ? entry.text : `${entry.text}/${entry.prefix}`;
}

/**
 * Compiles the entries of a key, once per record. Null without entries: any address. An entry that this version cannot
 * read covers nothing.
 */
export function compileAddressList(entries: readonly string[]): AddressList | null {
  if (entries.length === 0) return null;
  // One each: Node compares IPv4 addresses with IPv6 subnets, and `::/0` must not cover them.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const text of entries) {
    const entry = readEntry(text);
    if (entry !== null) lists[entry.family].addSubnet(entry.text, entry.prefix, entry.family);
  }
  return {
    size: entries.length,
    has(given) {
      const address = readAddress(given);
      return address !== null && lists[address.family].check(address.text, address.family);
    },
  };
}

/** Network of one host, for limits: an IPv4 address, or the /64 of an IPv6 address, in which a host can use any. */
export function networkOf(given: string): string {
  const address = readAddress(given);
  if (address === null || address.text.includes('.')) return address?.text ?? given;
  return `${(toNumber(address) >> 64n).toString(16)}::/64`;
}
