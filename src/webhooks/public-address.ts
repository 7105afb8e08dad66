import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { BlockList, isIP } from 'node:net';

/** IPv4 blocks that are not global unicast (IANA special-purpose registry), with those of metadata services. */
const NOT_PUBLIC_4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
/** The only global unicast block of IPv6, without those in it that lead to IPv4 addresses or nowhere. */
const PUBLIC_6 = '2000::/3';
const NOT_PUBLIC_6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

function listOf(blocks: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [address = '', length] = block.split('/');
    list.addSubnet(address, Number(length), family);
  }
  return list;
}

let lists: { readonly not4: BlockList; readonly in6: BlockList; readonly not6: BlockList } | null = null;

/** Whether an address is public: not private, loopback, link-local, unique-local, mapped or reserved. */
export function isPublicAddress(address: string): boolean {
  lists ??= {
    not4: listOf(NOT_PUBLIC_4, 'ipv4'),
    in6: listOf([PUBLIC_6], 'ipv6'),
    not6: listOf(NOT_PUBLIC_6, 'ipv6'),
  };
  if (isIP(address) === 4) return !lists.not4.check(address, 'ipv4');
  return isIP(address) === 6 && lists.in6.check(address, 'ipv6') && !lists.not6.check(address, 'ipv6');
}

export class PrivateAddressError extends Error {
  constructor() {
    super('The address of the endpoint is not public.');
  }
}

type Callback = (error: Error | null, address?: string | LookupAddress[], family?: number) => void;
export type Resolve = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: Error | null, found: LookupAddress[]) => void,
) => void;

/**
 * Creates a `lookup` for requests that fails for addresses that are not public. It decides about the address that the
 * connection is made to, so an answer of DNS that changes after a check has no effect.
 */
export function createPublicLookup(resolve: Resolve = lookup) {
  return function lookupPublic(hostname: string, options: LookupOptions, callback: Callback): void {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error);
      // One private address is enough: the name leads into a private network.
      const [first] = found;
      if (first === undefined || !found.every(({ address }) => isPublicAddress(address))) {
        return callback(new PrivateAddressError());
      }
      if (options.all === true) return callback(null, found);
      return callback(null, first.address, first.family);
    });
  };
}
