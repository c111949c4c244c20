import type { NodeAddress, Ports } from './ports.ts';

/** Ends the leases of a node that is gone. The request that noticed goes on whatever the catalog answers. */
export async function suspect(ports: Ports, node: NodeAddress): Promise<void> {
  await ports.catalog
    .suspectNode(node.id, node.url)
    .catch((error: unknown) => ports.onTrouble?.(`suspecting node ${node.id}`, error));
}
