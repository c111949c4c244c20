import { BlockList, isIPv4 } from 'node:net';

/** Special-purpose IPv4 networks (RFC 6890 and its registry): nothing that the public internet routes. */
const special4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const;

/** Special-purpose networks inside global unicast; those that carry an IPv4 address (6to4, Teredo) could reach anything. */
const special6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const;

/** Whether an address is one of the public internet, as opposed to loopback, private, link-local, multicast or reserved. */
export type IsPublic = (address: string) => boolean;

/** Makes the check. IPv6 is allowed only inside global unicast (2000::/3), which excludes IPv4-mapped and NAT64 addresses. */
export function publicAddressCheck(): IsPublic {
  const refused4 = new BlockList();
  for (const [network, prefix] of special4) refused4.addSubnet(network, prefix, 'ipv4');
  const refused6 = new BlockList();
  for (const [network, prefix] of special6) refused6.addSubnet(network, prefix, 'ipv6');
  const global6 = new BlockList();
  global6.addSubnet('2000::', 3, 'ipv6');
  return (address) =>
    isIPv4(address)
      ? !refused4.check(address, 'ipv4')
      : global6.check(address, 'ipv6') && !refused6.check(address, 'ipv6');
}
