/** What `segue make --help` says after the options. */
export const makeHelp = `
Posts a description (- reads it from standard input) and prints the URL to play: it plays at once. Then shows how much is
rendered and in the bucket, until everything is in the bucket that the policy wants there. Ctrl-C stops watching; the video is made all the same.

--json prints one object a line: {event: "posted", id, url, duration, state, isNew}, {event: "progress", rendered, copied,
total, exposureSeconds}, {event: "done", ...the same}. Counts are segments of all renditions together.`;

/** What `segue verify --help` says after the options. */
export const verifyHelp = `
Checks any HLS stream against RFC 8216 (and its successor's draft) and what a program can check of Apple's HLS Authoring
Specification: playlists, fMP4, MPEG-TS, packed audio, WebVTT, byte ranges, AES-128, I-frames, images, content steering,
HTTP answers, timestamps, ladders. Shares no code with what Segue writes. --rules prints every rule.

Growing playlists are reloaded as a player does: no listed line may change, segments must come in time, and what was
fetched must be the same bytes when it is fetched again. At most 64 renditions, 2000 segments of each, 128 MiB a segment.

Levels: error = a MUST of the RFC is broken, or some player fails; warning = a SHOULD, or one of Apple's rules; note.

Exit codes: 0 no errors (warnings and notes are allowed), 1 errors in the stream, 2 it could not be checked.

--json prints one object: {version: 1, url, result, sampled, duration, renditions: [{name, url, kind, container, codec,
listed, fetched, bytes, listedSeconds, seconds, sources, complete, watch: null or {reloads, changes, appended, removed,
ended, seconds}, segments: [{n, url, status, bytes, ms, source, held, start, duration}]}], checks: [{id, result, title,
rule, hint, examined, findings}], findings: [{check, level, rule, where, url, line, message, hint}], notes: [the same]}.
Times in seconds; url and line only where there is one. What could not be checked: {error: {code, message, hint}}.
With --rules: {version: 1, rules: [{id, level, title, source, hint}]}.
Fields and checks may be added: ignore those that you do not know.`;

/** What `segue up --help` says after the options. */
export const upHelp = `
Needs no settings. Those that are used most (docs/OPERATING.md has all):
  SEGUE_DATA           data folder (default .segue)
  HOST, PORT           where the playlist service listens (default 127.0.0.1, 8080)
  SEGUE_ASSETS         folders that descriptions may use files from, with ":" between them
  SEGUE_ASSET_HOSTS    hosts that descriptions may fetch files from, with "," between them
  SEGUE_MODULES        folder of modules, as examples/modules
  DATABASE_URL, S3_*   PostgreSQL and a bucket of yours, in place of the embedded ones
  SEGUE_LOG_LEVEL      info, to see each request, segment and copy (default warn)

--json prints one object a line: {event: "part", name, url, pid}, again for a part that was started anew, and {event:
"ready", url, adminTokenFile, dataFolder}. Ctrl-C stops everything; what was made is kept.`;

/** What `segue playlists --help` says after the options. */
export const playlistsHelp = `
Needs DATABASE_URL, S3_PUBLIC_URL, SEGUE_SECRET and SEGUE_ADMIN_TOKEN; docs/OPERATING.md has all settings.
--json prints {event: "listening", name, url} once it listens.`;

/** What `segue node --help` says after the options. */
export const nodeHelp = `
Needs DATABASE_URL, S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY, S3_PUBLIC_URL and SEGUE_SECRET;
docs/OPERATING.md has all settings.

--adopt names the data folder of a node that is dead, or the segments folder in it, on a disk that is mounted here. Its segments
are verified and become copies of this node; nothing is rendered or copied to the bucket again. They stay where they are, so it
has to be given at each later start as well, or in SEGUE_ADOPT (with ":" between several): a start without it gives them up.
A disk that a living node has is refused.

--json prints {event: "listening", name, url} once it listens.`;

/** What `segue drain --help` says after the options. */
export const drainHelp = `
Viewers notice nothing: the node serves what it holds until it ends, and other nodes go on with what is watched.

Exit codes: 0 it has ended, 1 it has not in time.

--json prints one object a line: {event: "draining" | "drained", node, renders, copyQueue}.`;

/** What `segue reconcile --help` says after the options. */
export const reconcileHelp = `
Every node compares its disk with the rows, one of them the bucket as well. What differs is put right: rows are corrected,
damaged files removed, segments copied or made again. Objects that nothing is known of are only reported at first, and
removed once they have been known for SEGUE_ORPHAN_GRACE_SECONDS. Ctrl-C stops watching; the nodes go on all the same.

Exit codes: 0 nothing is wrong, or all of it was dealt with; 1 something needs you (marked with !), or a node failed.

--json prints one object a line: {event: "progress", state, nodes: [{id, state, run, bucket, error}], report: {findings:
[{kind, count, open, bytes, examples: [{place, name, bytes, done}]}], examined: {files, objects, objectBytes, renders},
uploads}}, and at the end the same as {event: "reconciled"}. open counts what needs an operator.`;

/** What `segue doctor --help` says after the options. */
export const doctorHelp = `
Takes the same settings as the other commands. Writes a small object to the bucket and removes it again.

Exit codes: 0 no errors (warnings are allowed), 1 errors.

--json prints one object: {version: 1, result, checks: [{name, state: "ok" | "warning" | "error", message, hint?}]}.`;
