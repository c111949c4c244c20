import { until } from './wait.ts';

/**
 * Waits until every media playlist of a stream ends: a player that comes before may begin at the live edge. `url` is that of
 * the multivariant playlist.
 */
export async function untilEnded(url: string): Promise<void> {
  const text = async (at: string): Promise<string> => (await fetch(at)).text();
  await until(
    async () => {
      const lists = [...(await text(url)).matchAll(/^[^#\n].*$|(?<=^#EXT-X-MEDIA:.*URI=")[^"]+/gm)];
      const media = await Promise.all(lists.map(([uri]) => text(new URL(uri, url).href)));
      return media.length > 0 && media.every((list) => list.includes('#EXT-X-ENDLIST'));
    },
    { what: 'every list has its end', timeout: 60_000 },
  );
}
