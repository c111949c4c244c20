/** What `segue make --help` says after the options. */
export const makeHelp = `
Posts a description (- reads it from standard input) and prints the URL to play: it plays at once. Then shows how much is
rendered and in the bucket, until everything is in the bucket. Ctrl-C stops watching; the video is made all the same.

--json prints one object a line: {event: "posted", id, url, duration, state, isNew}, {event: "progress", rendered, copied,
total, exposureSeconds}, {event: "done", ...the same}. Counts are segments of all renditions together.`;

/** What `segue verify --help` says after the options. */
export const verifyHelp = `
Fetches the playlists, the init segments and every segment of an HLS stream (fMP4) and checks HTTP answers, playlist
rules (RFC 8216), boxes and timestamps. Shares no code with what Segue writes.

Exit codes: 0 no errors (warnings are allowed), 1 errors in the stream, 2 the URL gives no playlist.

--json prints one object: {version: 1, url, result, sampled, duration, renditions: [{name, url, kind, codec, listed,
fetched, bytes, listedSeconds, seconds, sources, complete, segments: [{n, url, status, bytes, ms, source, held, start,
duration}]}], checks: [{id, result, title, rule, hint, examined, findings}], findings: [{check, level, where, message}]}.
Times in seconds. Fields and checks may be added: ignore those that you do not know.`;
