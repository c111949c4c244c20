import { z } from 'zod';

/** What things cost, in any one currency. A GB has 10^9 bytes, a month 30 days. */
export interface Prices {
  readonly perThousandPuts: number;
  readonly perThousandGets: number;
  /** A GB in the bucket for a month. */
  readonly storedGbMonth: number;
  /** A GB from the bucket, or its CDN, to viewers. */
  readonly bucketGbOut: number;
  /** A GB from a node to viewers, by way of the playlist service. */
  readonly nodeGbOut: number;
  /** A GB from a node to the bucket. */
  readonly copiedGb: number;
  /** One CPU for an hour. */
  readonly cpuHour: number;
  /** A GB on the disk of a node for a month. */
  readonly diskGbMonth: number;
}

/** Prices to begin with, in US dollars as published late in 2026 for a region in the United States; docs/POLICY.md has them as a table. */
export const pricePresets = {
  /** Nodes on EC2 and a bucket in the same region, without a CDN. What a node serves goes through the playlist service, in another zone. */
  'aws-s3': {
    perThousandPuts: 0.005,
    perThousandGets: 0.0004,
    storedGbMonth: 0.023,
    bucketGbOut: 0.09,
    nodeGbOut: 0.1,
    copiedGb: 0,
    cpuHour: 0.0425,
    diskGbMonth: 0.08,
  },
  /** Nodes at a provider that counts what leaves them, and a bucket from which nothing that leaves is counted. */
  r2: {
    perThousandPuts: 0.0045,
    perThousandGets: 0.00036,
    storedGbMonth: 0.015,
    bucketGbOut: 0,
    nodeGbOut: 0.01,
    copiedGb: 0.01,
    cpuHour: 0.018,
    diskGbMonth: 0.1,
  },
  /** Machines and lines that are there anyway: wear, power and the share of a machine that is bought for more of it. */
  'own-hardware': {
    perThousandPuts: 0.0001,
    perThousandGets: 0.00002,
    storedGbMonth: 0.006,
    bucketGbOut: 0.001,
    nodeGbOut: 0.002,
    copiedGb: 0.0002,
    cpuHour: 0.008,
    diskGbMonth: 0.01,
  },
} as const satisfies Record<string, Prices>;

const price = (what: string) => z.number().min(0).max(1_000_000).optional().describe(what);

const presetNames = Object.keys(pricePresets) as [keyof typeof pricePresets];

/** A preset, and what differs from it. */
export const pricesSchema = z.strictObject({
  preset: z.enum(presetNames).default('own-hardware').describe('Prices to begin with'),
  perThousandPuts: price('1000 PUT requests'),
  perThousandGets: price('1000 GET requests'),
  storedGbMonth: price('A GB (10^9 bytes) in the bucket for 30 days'),
  bucketGbOut: price('A GB from the bucket, or its CDN, to viewers'),
  nodeGbOut: price('A GB from a node to viewers, by way of the playlist service'),
  copiedGb: price('A GB from a node to the bucket'),
  cpuHour: price('One CPU for an hour'),
  diskGbMonth: price('A GB on the disk of a node for 30 days'),
});

/** The prices that hold: those of the preset, but where others are given. */
export function pricesOf({ preset, ...given }: z.output<typeof pricesSchema>): Prices {
  return { ...pricePresets[preset], ...given } as Prices;
}
