import type { OpenAPIHono } from '@hono/zod-openapi';
import type { RequestVariables, Service } from './service.ts';
import { streamInitRoute, streamKeyRoute, streamSegmentRoute } from './stream-files.ts';
import { streamIdPattern } from './stream-id.ts';
import { documentStreamFiles } from './stream-openapi.ts';
import { streamIndexRoute, streamMediaRoute } from './stream-playlists.ts';

/** Playlists, segments, init segments and keys of foreign streams: the same paths as those of videos, told apart by the id. */
export function playableStreamRoutes(
  app: OpenAPIHono<{ Variables: RequestVariables }>,
  service: Service,
): void {
  documentStreamFiles(app.openAPIRegistry);
  const base = `/v/:id{${streamIdPattern}}`;
  app.get(`${base}/index.m3u8`, (c) => streamIndexRoute(c, service));
  app.get(`${base}/:rendition/media.m3u8`, (c) => streamMediaRoute(c, service));
  app.get(`${base}/:rendition/:file{init-\\d+\\.mp4}`, (c) => streamInitRoute(c, service));
  app.get(`${base}/:rendition/:file{key-\\d+\\.key}`, (c) => streamKeyRoute(c, service));
  app.get(`${base}/:rendition/:file{\\d+\\.(?:ts|m4s|aac|vtt)}`, (c) => streamSegmentRoute(c, service));
}
