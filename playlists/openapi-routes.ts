import type { OpenAPIHono } from '@hono/zod-openapi';
import { z } from '@hono/zod-openapi';
import { playlistType } from '../src/store/names.ts';
import { errorResponses } from './openapi.ts';
import type { RequestVariables } from './service.ts';

type Registry = OpenAPIHono<{ Variables: RequestVariables }>['openAPIRegistry'];
type Route = Parameters<Registry['registerPath']>[0];
type Responses = Route['responses'];

const text = (type: string, description: string) => ({
  description,
  content: { [type]: { schema: z.string() } },
});
const binary = { schema: { type: 'string' as const, format: 'binary' } };
const bytes = (description: string) => ({
  description,
  content: { 'video/mp4': binary, 'audio/mp4': binary },
});

const id = z.string().describe('The id of a video');
const rendition = z.string().describe('As the multivariant playlist names it: `720p`, `audio`, `720p~2`');
const mode = z
  .enum(['vod', 'event'])
  .default('vod')
  .describe('`vod` lists every segment at once, `event` what exists so far');

/** What a Range request and a conditional one get (RFC 9110 13.1, 14). */
const conditional: Responses = {
  206: bytes('The part that `Range` asks for'),
  304: { description: '`If-None-Match` names what there is' },
  416: { description: 'There is no such part' },
};

const schemaRoute = (path: string, what: string) => ({
  path,
  summary: `JSON Schema (draft 2020-12) of ${what}`,
  responses: {
    200: {
      description: 'The schema, for editors (`$schema`)',
      content: { 'application/schema+json': { schema: z.record(z.string(), z.unknown()) } },
    },
  },
});

const routes: readonly Pick<Route, 'path' | 'summary' | 'request' | 'responses'>[] = [
  {
    path: '/v/{id}/index.m3u8',
    summary: 'The multivariant playlist of this moment (RFC 8216)',
    request: {
      params: z.object({ id }),
      query: z.object({
        mode,
        steering: z
          .enum(['0', '1'])
          .optional()
          .describe('Whether Content Steering is offered; else as `SEGUE_STEERING` says'),
      }),
    },
    responses: { 200: text(playlistType, 'The playlist'), ...errorResponses(400, 404, 503) },
  },
  {
    path: '/v/{id}/steering.json',
    summary: 'Where sessions are to go now (RFC 8216bis 7)',
    request: {
      params: z.object({ id }),
      query: z.object({
        mode,
        generation: z.int().min(1).optional().describe('Of the session that asks; else the newest'),
      }),
    },
    responses: {
      200: {
        description: 'A steering manifest: one pathway, and a clone of it once everything is in the bucket',
        content: { 'application/vnd.apple.steering-list': { schema: z.record(z.string(), z.unknown()) } },
      },
      ...errorResponses(400, 404, 503),
    },
  },
  {
    path: '/renders/{renderId}/{object}',
    summary:
      'An object by its name in the bucket: where a CDN turns to when the bucket does not have it (origin failover)',
    request: { params: z.object({ renderId: z.string(), object: z.string() }) },
    responses: {
      200: { description: 'The bytes, from a node; made again where no node has them' },
      ...errorResponses(400, 403, 404, 503),
    },
  },
  {
    path: '/v/{id}/thumbnails.vtt',
    summary: 'Pictures for a seek bar: a WebVTT cue a segment, whose text is the URL of its picture',
    request: { params: z.object({ id }) },
    responses: { 200: text('text/vtt', 'The list'), ...errorResponses(404, 503) },
  },
  {
    path: '/v/{id}/poster.jpg',
    summary: 'A picture of the video',
    request: { params: z.object({ id }) },
    responses: { 307: { description: 'It is at `Location`' }, ...errorResponses(404, 503) },
  },
  {
    path: '/v/{id}/{rendition}/media.m3u8',
    summary: 'A media playlist; what one URL answers with never changes (`mode=event`: it only grows)',
    request: {
      params: z.object({ id, rendition }),
      query: z.object({
        mode,
        sealed: z
          .int()
          .min(0)
          .default(0)
          .describe('Leading segments that are listed with their URL in the bucket'),
      }),
    },
    responses: { 200: text(playlistType, 'The playlist'), ...errorResponses(400, 404, 503) },
  },
  {
    path: '/v/{id}/{rendition}/init.mp4',
    summary: 'The init segment, held until it is known',
    request: { params: z.object({ id, rendition }) },
    responses: { 200: bytes('ftyp and moov'), ...conditional, ...errorResponses(404, 503) },
  },
  {
    path: '/v/{id}/{rendition}/{n}.m4s',
    summary: 'Segment n, held until it is made',
    request: { params: z.object({ id, rendition, n: z.int().min(0) }) },
    responses: {
      200: bytes('The segment; after empty `free` boxes where it was waited for'),
      307: { description: 'The segment is in the bucket, at `Location`' },
      ...conditional,
      ...errorResponses(404, 503),
    },
  },
  {
    path: '/v/{id}/{rendition}/{n}.jpg',
    summary: 'Picture n, held up to 8 s until it is made',
    request: { params: z.object({ id, rendition, n: z.int().min(0) }) },
    responses: {
      200: { description: 'The picture', content: { 'image/jpeg': binary } },
      307: { description: 'The picture is in the bucket, at `Location`' },
      ...conditional,
      ...errorResponses(404, 503),
    },
  },
  {
    path: '/v/{id}/{rendition}/{n}.vtt',
    summary: 'Segment n of subtitles, made from the description',
    request: { params: z.object({ id, rendition, n: z.int().min(0) }) },
    responses: {
      200: text('text/vtt', 'The cues that are on during the segment'),
      ...errorResponses(404, 503),
    },
  },
  schemaRoute('/description.schema.json', 'a description'),
  schemaRoute('/policy.schema.json', "the operators' policy"),
  {
    path: '/healthz',
    summary: 'Whether the process answers',
    responses: {
      200: {
        description: 'It does',
        content: { 'application/json': { schema: z.object({ status: z.string() }) } },
      },
    },
  },
  {
    path: '/readyz',
    summary: 'Whether it can do its work',
    responses: Object.fromEntries(
      [200, 503].map((status) => [
        status,
        {
          description: status === 200 ? 'It can' : 'The catalog does not answer',
          content: {
            'application/json': {
              schema: z.object({
                status: z.enum(['ok', 'degraded']),
                catalog: z.enum(['ok', 'unavailable']),
                holds: z.int(),
                bytesInFlight: z.int(),
              }),
            },
          },
        },
      ]),
    ),
  },
  {
    path: '/metrics',
    summary: 'Metrics in Prometheus text format (where the service runs as a process)',
    responses: { 200: text('text/plain', 'The metrics') },
  },
  {
    path: '/openapi.json',
    summary: 'This document',
    responses: {
      200: {
        description: 'OpenAPI 3.1',
        content: { 'application/json': { schema: z.record(z.string(), z.unknown()) } },
      },
    },
  },
];

/** Documents the routes that are not declared with their schema where they are written: what players and probes ask for. */
export function documentRoutes(registry: Registry): void {
  for (const route of routes) registry.registerPath({ method: 'get', ...route });
}
