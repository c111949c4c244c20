import { atLine, type Expects, type Place } from '../report.ts';
import { readAttributes } from './attributes.ts';
import { type Line, tagsOf } from './lines.ts';
import { keyProblem } from './segment-lines.ts';

/** Attributes by which two EXT-X-SESSION-KEY are the same. */
const ofKey = ['METHOD', 'URI', 'IV', 'KEYFORMAT', 'KEYFORMATVERSIONS'];

/** Checks EXT-X-SESSION-DATA and EXT-X-SESSION-KEY (RFC 8216 4.3.4.4, 4.3.4.5). */
export function checkSession(lines: readonly Line[], place: Place, findings: Expects): void {
  const data = new Set<string>();
  for (const { value, number } of tagsOf(lines, 'EXT-X-SESSION-DATA')) {
    const { values } = readAttributes(value);
    const [id, language] = [values.get('DATA-ID'), values.get('LANGUAGE')];
    const same = JSON.stringify([id, language]);
    let problem: string | undefined;
    if (id === undefined) problem = 'DATA-ID is missing';
    else if (values.has('VALUE') === values.has('URI'))
      problem = values.has('URI') ? 'it has both VALUE and URI' : 'it has neither VALUE nor URI';
    else if (data.has(same)) problem = `DATA-ID "${id}" stands twice in ${language ?? 'no language'}`;
    data.add(same);
    findings.expect('session.data', atLine(place, number), problem);
  }
  const keys = new Set<string>();
  for (const { value, number } of tagsOf(lines, 'EXT-X-SESSION-KEY')) {
    const { values } = readAttributes(value);
    const same = JSON.stringify(ofKey.map((name) => values.get(name)));
    let problem = values.get('METHOD') === 'NONE' ? 'METHOD is NONE' : keyProblem(value);
    if (keys.has(same)) problem ??= 'the same key stands twice';
    keys.add(same);
    findings.expect('session.key', atLine(place, number), problem);
  }
}
