import type { Profile } from './profile.ts';

/** Bytes of the hash that are kept: 128 bits never collide by chance. */
const idBytes = 16;

/**
 * Name of a render: URL-safe, 22 characters. Hash over everything that its bytes depend on, so that an object's name is
 * never reused for other bytes. Generation 1 is the first; it grows when an encoder with another configuration takes over.
 */
export async function renderIdOf(
  videoId: string,
  version: string,
  profile: Profile,
  generation: number,
): Promise<string> {
  const settings = Object.entries(profile).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify(['segue-render', videoId, version, settings, generation]);
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  const binary = String.fromCharCode(...new Uint8Array(digest).subarray(0, idBytes));
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
