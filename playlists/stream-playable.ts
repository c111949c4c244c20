import type { OpenAPIHono } from '@hono/zod-openapi';
import { onceCatalogAnswers } from './catalog-wait.ts';
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
  app.get(`${base}/index.m3u8`, (c) => onceCatalogAnswers(c, service, streamIndexRoute));
  app.get(`${base}/:rendition/media.m3u8`, (c) => onceCatalogAnswers(c, service, streamMediaRoute));
  app.get(`${base}/:rendition/:file{init-\\d+\\.mp4}`, (c) =>
    onceCatalogAnswers(c, service, streamInitRoute),
  );
  app.get(`${base}/:rendition/:file{key-\\d+\\.key}`, (c) => onceCatalogAnswers(c, service, streamKeyRoute));
  app.get(`${base}/:rendition/:file{\\d+\\.(?:ts|m4s|aac|vtt)}`, (c) =>
    onceCatalogAnswers(c, service, streamSegmentRoute),
  );
}
