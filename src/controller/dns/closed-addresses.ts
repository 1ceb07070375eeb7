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
