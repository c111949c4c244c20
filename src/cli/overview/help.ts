/** What `segue status --help` says after the options. */
export const statusHelp = `
Without a video: the service, nodes, videos by state, media at risk, copies, what viewers ask for, and what needs an operator
(marked with !), each with a way out. With the id of a video or stream (its beginning is enough): where the segments of each
rendition are. --wait shows the progress until everything is in the bucket, and has made what nobody asks for.

Exit codes: 0 all is well; 1 something needs an operator, the service does not answer, or the video has failed or is not known;
2 called wrongly, or a wrong token. What needs an operator, as the kind of a condition: service (does not answer, or is not ready),
no-node (none is ready), node-lost (gone within the hour, and not drained), node-failing and disk-full (by the policy's trouble),
video-failed (within the day), stream-away (segments are at a node that is gone, and nowhere else), objects-lost (the bucket lost
some within the hour), copying-stuck (none for five minutes), exposure (half an hour of media, while copies wait, for ten minutes).

--json prints {event: "status", ready, url, nodes: {ready, draining, dead}, videos: {each state}, exposureSeconds, exposedVideos,
copyQueue, copyRate, answers: {bucket, node, held} or null, conditions: [{kind, subject, message, hint}]}; where it is not ready
only event, ready and conditions. Of a video: with --wait {event: "progress", rendered, copied, total, exposureSeconds} each
time that changes, then {event: "video", ...as GET /v1/videos/{id} answers}.`;

/** What `segue top --help` says after the options. */
export const topHelp = `
On a terminal: nodes with bars of what they use, and the videos that are watched most, rendered, or most at risk, each with a strip
of where its segments are. q or Ctrl-C ends it. Elsewhere, or with --json: an object each interval, until it is stopped.

Exit codes: 0 it was ended, 1 the service does not answer, 2 called wrongly, or a wrong token.

--json prints {event: "top", at, nodes: [as GET /v1/nodes], videos: [as GET /v1/videos, with viewers: the places where it is
watched], watchedVideos, answers: {bucket, node, held} a second or null, lastEvent, problem: null or why this may be old}.`;

/** What `segue videos --help` says after the options. */
export const videosHelp = `
A narrow terminal shows the beginnings of ids, which are enough for \`segue status\`. WHERE is a strip of the segments, from the first
to the last: in the bucket, at several nodes, at one node, nowhere (not made yet; of a stream: its node is gone).

Exit codes: 0 done (there may be none), 1 the service does not answer, 2 called wrongly, or a wrong token.

--json prints {event: "video", id, type, name, state, createdAt, duration, segments, exposureSeconds, strip: [[to, source]], holder,
nodes, renderId}.`;

/** What `segue nodes --help` says after the options. */
export const nodesHelp = `
SEEN is how long ago it last said that it lives; HELD what is on its disk; LEASES what it renders; ENCODERS how many run of how many
may; QUEUE the segments that wait to be copied; COPIES how fast it copies.

Exit codes: 0 done (there may be none), 1 the service does not answer, 2 called wrongly, or a wrong token.

--json prints {event: "node", id, url, host, pid, state, heartbeatAt, load: {renders, encoders, slots, copyQueue, copyRate (bytes a
second), diskBytes, diskUsed (of what segments could fill), cpu, failures (parts of 1), tight (1: no room is left for it),
residentBytes}}.`;

/** What `segue events --help` says after the options. */
export const eventsHelp = `
The newest stand last. --follow goes on over restarts of the service, and tells each event once.

Exit codes: 0 done, 1 the service does not answer, 2 called wrongly, or a wrong token.

--json prints {event: "log", id, at, level, kind, nodeId, videoId, text}.`;
