import type { Expects, Place } from '../report.ts';

/** What is looked at of a listing. */
interface Grouped {
  readonly type: string;
  readonly place: Place;
  readonly uri: string | undefined;
  readonly group: string | undefined;
  readonly attributes: ReadonlyMap<string, string>;
}

const groupTypes = ['AUDIO', 'VIDEO', 'SUBTITLES', 'CLOSED-CAPTIONS'] as const;

/** Checks EXT-X-MEDIA groups (RFC 8216 4.3.4.1.1, 4.3.4.2.1): members agree, and variants name groups that exist. */
export function checkGroups(listings: readonly Grouped[], findings: Expects): void {
  const members = listings.filter(({ attributes }) => attributes.has('GROUP-ID') || attributes.has('TYPE'));
  const groups = new Map<string, Grouped[]>();
  for (const one of members) {
    const key = `${one.attributes.get('TYPE')} ${one.group}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  for (const group of groups.values()) checkGroup(group, findings);
  checkAlike(groups, findings);
  checkCaptions(listings, findings);
  for (const { type, place, attributes } of listings) {
    if (type !== 'variant') continue;
    for (const name of groupTypes) {
      const wanted = attributes.get(name);
      if (wanted === undefined || (name === 'CLOSED-CAPTIONS' && wanted === 'NONE')) continue;
      const missing = !groups.has(`${name} ${wanted}`);
      findings.expect('variant.group', place, missing && `${name}="${wanted}" names no EXT-X-MEDIA`);
    }
  }
}

/** Where one variant says CLOSED-CAPTIONS=NONE, all do (RFC 8216 4.3.4.2). */
function checkCaptions(listings: readonly Grouped[], findings: Expects): void {
  const variants = listings.filter(({ type }) => type === 'variant');
  const says = ({ attributes }: Grouped): boolean => attributes.get('CLOSED-CAPTIONS') === 'NONE';
  if (!variants.some(says)) return;
  for (const one of variants)
    findings.expect('variant.captions', one.place, !says(one) && 'another variant says CLOSED-CAPTIONS=NONE');
}

function checkGroup(group: readonly Grouped[], findings: Expects): void {
  const names = new Set<string>();
  let hasDefault = false;
  for (const { place, attributes, uri } of group) {
    const name = attributes.get('NAME') ?? '';
    const twice = names.has(name) && `NAME ${name} stands twice in its group`;
    findings.expect('variant.attributes', place, twice);
    names.add(name);
    const isDefault = attributes.get('DEFAULT') === 'YES';
    const problem =
      isDefault && hasDefault ? 'a second DEFAULT=YES in its group' : attributeProblem(attributes, uri);
    findings.expect('variant.media', place, problem);
    hasDefault ||= isDefault;
  }
}

function attributeProblem(
  attributes: ReadonlyMap<string, string>,
  uri: string | undefined,
): string | undefined {
  const type = attributes.get('TYPE') ?? '';
  if (!groupTypes.some((one) => one === type))
    return `TYPE=${type.slice(0, 40)} is none of ${groupTypes.join(', ')}`;
  if (attributes.get('DEFAULT') === 'YES' && attributes.get('AUTOSELECT') === 'NO')
    return 'DEFAULT=YES with AUTOSELECT=NO';
  if (attributes.has('FORCED') && type !== 'SUBTITLES') return `FORCED with TYPE=${type}`;
  if (type !== 'CLOSED-CAPTIONS') return undefined;
  if (uri !== undefined) return 'TYPE=CLOSED-CAPTIONS with URI';
  const stream = attributes.get('INSTREAM-ID') ?? '';
  return /^(CC[1-4]|SERVICE([1-9]|[1-5]\d|6[0-3]))$/.test(stream)
    ? undefined
    : `INSTREAM-ID "${stream.slice(0, 40)}" is neither CC1 to CC4 nor SERVICE1 to SERVICE63`;
}

/** Groups of one type have members of the same names (RFC 8216 4.3.4.1.1). */
function checkAlike(groups: ReadonlyMap<string, readonly Grouped[]>, findings: Expects): void {
  const first = new Map<string, string>();
  for (const members of groups.values()) {
    const [one] = members;
    const type = one?.attributes.get('TYPE');
    if (one === undefined || type === undefined || type === 'CLOSED-CAPTIONS') continue;
    const said = members
      .map(({ attributes }) => `${attributes.get('NAME')} (${attributes.get('LANGUAGE') ?? 'no language'})`)
      .sort()
      .join(', ');
    const expected = first.get(type);
    if (expected === undefined) first.set(type, said);
    else {
      const told = `${type} group "${one.group}" has ${said}, another has ${expected}`;
      findings.expect('variant.groups', one.place, said !== expected && told);
    }
  }
}
