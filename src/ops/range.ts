/** What a Range header asks of a representation: a part, all of it, or nothing that exists. Offsets in bytes, `to` exclusive. */
export type RangeAnswer =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly from: number; readonly to: number }
  | { readonly kind: 'unsatisfiable' };

/**
 * Reads a Range header (RFC 9110 14.2) for a representation of `length` bytes. Several ranges, other units and nonsense are
 * answered with the whole, as the RFC allows; `ifRange` (14.5) that does not match the ETag does so too.
 */
export function rangeOf(
  header: string | undefined,
  length: number,
  etag: string,
  ifRange?: string,
): RangeAnswer {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '');
  if (match === null || (ifRange !== undefined && ifRange !== etag)) return { kind: 'whole' };
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return { kind: 'whole' };
  if (first === '') {
    const suffix = Math.min(Number(last), length);
    return suffix === 0 ? { kind: 'unsatisfiable' } : { kind: 'part', from: length - suffix, to: length };
  }
  const from = Number(first);
  if (last !== '' && Number(last) < from) return { kind: 'whole' };
  if (from >= length) return { kind: 'unsatisfiable' };
  return { kind: 'part', from, to: last === '' ? length : Math.min(Number(last) + 1, length) };
}
