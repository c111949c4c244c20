/** Below this many bytes compression saves nothing worth a header. */
const smallest = 512;

/** Whether the client takes gzip (RFC 9110 12.5.3), quality 0 meaning no. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  return (acceptEncoding ?? '').split(',').some((part) => {
    const [coding, ...parameters] = part.trim().toLowerCase().split(';');
    if (coding !== 'gzip' && coding !== '*') return false;
    return !parameters.some((parameter) => /^\s*q=0(\.0*)?\s*$/.test(parameter));
  });
}

/** Text as a body, compressed where that is wanted and worth it; the headers say which, and that it depends on the client. */
export async function textBody(
  text: string,
  acceptEncoding: string | undefined,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; headers: Record<string, string> }> {
  const plain = new TextEncoder().encode(text);
  const vary = { vary: 'accept-encoding' };
  if (plain.length < smallest || !acceptsGzip(acceptEncoding)) {
    return { bytes: plain, headers: { ...vary, 'content-length': String(plain.length) } };
  }
  const compressed = new Blob([plain]).stream().pipeThrough(new CompressionStream('gzip'));
  const bytes = new Uint8Array(await new Response(compressed).arrayBuffer());
  return {
    bytes,
    headers: { ...vary, 'content-encoding': 'gzip', 'content-length': String(bytes.length) },
  };
}
