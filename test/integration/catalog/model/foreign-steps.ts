import { crc32 } from 'node:zlib';
import { admitSegments } from '../../../../src/catalog/streams.ts';
import type { Outcome } from './gates.ts';
import { judgeFenced, type Step } from './judge.ts';
import { foreignBytes, type NodeName, segments } from './world.ts';

/**
 * An upload becomes a segment on the disk, as `ingest/write` does it: what is there of a try that wrote no row goes first. Each
 * node is sent other bytes, as by a producer that was started anew.
 */
export const put = (name: NodeName): Omit<Step, 'text'> => ({
  isDue: ({ nodes }) => nodes[name].holds.foreign && !nodes[name].hasUnlisted && nodes[name].next < segments,
  async run(_, world) {
    const process = world.up(name);
    const { disk, next: n } = process;
    const render = world.ids.foreign;
    const data = foreignBytes(name, n);
    const left = disk.facts(render, 'v0', n);
    if (left !== undefined && left.crc32 !== crc32(data)) await disk.remove(render, 'v0', n);
    process.unlisted = { n, ...(await disk.put(render, 'v0', n, data)) };
  },
});

/** The segment is listed, by the statement that checks the lease. */
export const admit = (name: NodeName, outcome: Outcome): Omit<Step, 'text'> => ({
  isDue: ({ nodes }) => nodes[name].hasUnlisted,
  async run(model, world) {
    const process = world.up(name);
    const { stream, unlisted } = process;
    if (stream === undefined || unlisted === undefined || outcome === 'request lost') return;
    const { n, bytes } = unlisted;
    const segment = {
      n,
      durationUs: 2_000_000,
      discontinuity: false,
      init: null,
      key: null,
      programDateTime: null,
      bytes,
      source: { sequence: n, uri: `${n}.ts`, crc32: unlisted.crc32 },
    };
    const { holder, epoch } = model.leases.foreign;
    const mayWrite = holder === name && epoch === stream.epoch;
    const { catalog } = world.backing;
    const isAdmitted = await admitSegments(catalog.db, stream.renderId, 'v0', stream, [segment]);
    if (outcome === 'answer lost') return mayWrite ? undefined : judgeFenced(model, name);
    if (!isAdmitted) {
      process.leave('foreign');
      return mayWrite ? undefined : judgeFenced(model, name);
    }
    if (!mayWrite) throw new Error(`${name} was not fenced from the stream`);
    process.next += 1;
    process.unlisted = undefined;
    return undefined;
  },
});
