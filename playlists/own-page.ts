/** Names that mean this machine whatever any DNS says, and addresses, which no DNS is asked about. */
const isNotResolved = (hostname: string): boolean =>
  hostname === 'localhost' || hostname.endsWith('.localhost') || /^(?:\[.*\]|[\d.]+)$/.test(hostname);

/**
 * Whether a browser sends a request from a page of this service itself. `localOnly`: the service listens on this machine only, so that
 * whoever asks by another name than this machine's has been led here: a site can have its own name resolve to 127.0.0.1, and its pages
 * are of the same origin as everything here then (DNS rebinding).
 */
export function isOwnPage(request: Request, localOnly: boolean): boolean {
  const origin = request.headers.get('origin') ?? '';
  if (!URL.canParse(origin)) return false;
  const { host, hostname } = new URL(origin);
  const asked = request.headers.get('host') ?? new URL(request.url).host;
  return host === asked && (!localOnly || isNotResolved(hostname));
}
