import { substitute } from '../../../src/verify/playlist/define.ts';
import { readMedia } from '../../../src/verify/playlist/media.ts';
import { checkMedia } from '../../../src/verify/playlist/media-checks.ts';
import { checkMultivariant } from '../../../src/verify/playlist/multivariant.ts';
import { checkSteeringTag } from '../../../src/verify/playlist/steering.ts';
import { checkText, isMultivariant } from '../../../src/verify/playlist/text.ts';
import { checkVersion } from '../../../src/verify/playlist/version.ts';
import { type Finding, Findings } from '../../../src/verify/report.ts';

const url = 'https://stream.example/v/index.m3u8';

/** What the checks of text alone find in a playlist, as `verify` runs them; nothing is fetched. */
export function lookInto(text: string): Finding[] {
  const findings = new Findings();
  const place = { where: 'playlist', url };
  const read = checkText(Buffer.from(text), place, findings);
  const { lines } = substitute(read.lines, new Map(), place, findings);
  if (isMultivariant(lines)) {
    checkVersion(lines, place, findings);
    const { renditions } = checkMultivariant(lines, url, place, findings);
    checkSteeringTag(lines, renditions, place, findings);
  } else checkMedia(readMedia(lines, url), read.text, url, place, findings);
  return findings.list();
}

/** A media playlist of `count` segments of 4 s. */
export function mediaText(count: number): string {
  const lines = Array.from({ length: count }, (_, n) => `#EXTINF:4.000000,\n${n}.ts\n`);
  return `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-INDEPENDENT-SEGMENTS
${lines.join('')}#EXT-X-ENDLIST
`;
}

/** A multivariant playlist of two pictures, sound, subtitles and I-frames. */
export const multivariantText = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="en.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Deutsch",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",URI="de.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="English",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI="sub.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=3000000,AVERAGE-BANDWIDTH=2000000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO="a",SUBTITLES="s"
720.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1000000,AVERAGE-BANDWIDTH=800000,CODECS="avc1.64001e,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=25.000,AUDIO="a",SUBTITLES="s"
360.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=200000,CODECS="avc1.64001e",RESOLUTION=640x360,URI="iframes.m3u8"
`;
