/** An attribute list, and what is wrong with it (RFC 8216 4.2). Quotes are kept off the values. */
export interface Attributes {
  readonly values: ReadonlyMap<string, string>;
  readonly quoted: ReadonlySet<string>;
  readonly problem: string | undefined;
}

/** Reads an attribute list strictly; what comes before the first defect is still returned. */
export function readAttributes(text: string): Attributes {
  const values = new Map<string, string>();
  const quoted = new Set<string>();
  const pattern = /([A-Z0-9-]+)=(?:"([^"\r\n]*)"|([^",\s]+))(,|$)/y;
  let at = 0;
  while (at < text.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null)
      return { values, quoted, problem: `not an attribute at \`${text.slice(at, at + 40)}\`` };
    const [whole, name = '', inQuotes, plain, comma] = match;
    if (values.has(name)) return { values, quoted, problem: `${name} stands twice` };
    values.set(name, inQuotes ?? plain ?? '');
    if (inQuotes !== undefined) quoted.add(name);
    at += whole.length;
    if (comma === ',' && at === text.length) return { values, quoted, problem: 'it ends in a comma' };
  }
  return { values, quoted, problem: undefined };
}

/** Tags whose value is an attribute list. */
export const attributeTags: ReadonlySet<string> = new Set([
  'EXT-X-MEDIA',
  'EXT-X-STREAM-INF',
  'EXT-X-I-FRAME-STREAM-INF',
  'EXT-X-IMAGE-STREAM-INF',
  'EXT-X-SESSION-DATA',
  'EXT-X-SESSION-KEY',
  'EXT-X-CONTENT-STEERING',
  'EXT-X-DEFINE',
  'EXT-X-MAP',
  'EXT-X-START',
  'EXT-X-KEY',
  'EXT-X-DATERANGE',
  'EXT-X-SERVER-CONTROL',
  'EXT-X-PART-INF',
  'EXT-X-PART',
  'EXT-X-PRELOAD-HINT',
  'EXT-X-RENDITION-REPORT',
  'EXT-X-SKIP',
  'EXT-X-TILES',
]);

/** Attributes that are quoted strings, whichever tag they stand in. */
const strings = new Set(
  'URI,CODECS,SUPPLEMENTAL-CODECS,GROUP-ID,NAME,AUDIO,SUBTITLES,CHANNELS,LANGUAGE,ASSOC-LANGUAGE,CHARACTERISTICS,INSTREAM-ID,KEYFORMAT,KEYFORMATVERSIONS,DATA-ID,SERVER-URI,PATHWAY-ID,STABLE-VARIANT-ID,STABLE-RENDITION-ID,ID,CLASS,START-DATE,END-DATE,QUERYPARAM,IMPORT,VALUE'.split(
    ',',
  ),
);
const yesOrNo = /^(YES|NO)$/;
const decimal = /^\d+(\.\d+)?$/;
/** Attributes that are not quoted, and the form of their values. */
const forms: ReadonlyMap<string, RegExp> = new Map([
  ['BANDWIDTH', /^\d{1,20}$/],
  ['AVERAGE-BANDWIDTH', /^\d{1,20}$/],
  ['RESOLUTION', /^\d+x\d+$/],
  ['FRAME-RATE', decimal],
  ['SCORE', decimal],
  ['HDCP-LEVEL', /^(TYPE-0|TYPE-1|NONE)$/],
  ['VIDEO-RANGE', /^(SDR|HLG|PQ)$/],
  ['DEFAULT', yesOrNo],
  ['AUTOSELECT', yesOrNo],
  ['FORCED', yesOrNo],
  ['PRECISE', yesOrNo],
  ['TIME-OFFSET', /^-?\d+(\.\d+)?$/],
  ['DURATION', decimal],
  ['PLANNED-DURATION', decimal],
  ['PART-TARGET', decimal],
  ['METHOD', /^(NONE|AES-128|SAMPLE-AES|SAMPLE-AES-CTR)$/],
  ['IV', /^0[xX][0-9A-Fa-f]{1,32}$/],
]);

/** What is wrong with the attribute list of a tag; the first problem is enough. */
export function attributeProblem(text: string): string | undefined {
  const { values, quoted, problem } = readAttributes(text);
  if (problem !== undefined) return problem;
  for (const [name, value] of values) {
    const form = forms.get(name);
    if (strings.has(name) && !quoted.has(name)) return `${name} is not quoted`;
    if (form !== undefined && quoted.has(name)) return `${name} is quoted`;
    if (form !== undefined && !form.test(value))
      return `${name}=${value.slice(0, 60)} is no value of its type`;
  }
  return undefined;
}
