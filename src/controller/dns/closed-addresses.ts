import { compileNetworks } from '../../lib/cidr.ts';

/**
 * Where nobody's name may lead: this Pod, the link, nowhere, everybody, the same by NAT64 (RFC 6052), and where clouds tell machines their
 * secrets. Private networks are open: servers of the cluster are there.
 */
export const isClosedAddress = compileNetworks([
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/96',
  'fe80::/10',
  'ff00::/8',
  '64:ff9b::/104',
  '64:ff9b::7f00:0/104',
  '64:ff9b::a9fe:0/112',
  '64:ff9b::e000:0/99',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  'fd00:ec2::/32',
  'fd20:ce::/32',
]);

const isPrivateAddress = compileNetworks([
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  'fc00::/7',
  'fec0::/10',
  '64:ff9b::a00:0/104',
  '64:ff9b::ac10:0/108',
  '64:ff9b::c0a8:0/112',
  '64:ff9b::6440:0/106',
  '64:ff9b:1::/48',
  '2002::/16',
]);

/** Where nothing of the Internet is, or it cannot be told what is behind it: those that are closed, and private networks. */
export function isInnerAddress(address: string): boolean {
  return isClosedAddress(address) || isPrivateAddress(address);
}
