import type { CheckReport, Finding, RenditionReport, VerifyReport } from './report.ts';
import { ruleIds, rules } from './rules.ts';

const marks = {
  ok: 'ok      ',
  note: 'note    ',
  warning: 'warning ',
  error: 'ERROR   ',
  skipped: 'skipped ',
} as const;

/** A report for people: each rule that did not hold with its findings and the way out, a table of renditions, a verdict. */
export function printReport(report: VerifyReport, all = false): string {
  const shown = report.checks.filter(({ result }) => all || (result !== 'ok' && result !== 'skipped'));
  const lines = shown.flatMap((check) => checkLines(check, [...report.findings, ...report.notes]));
  if (lines.length > 0) lines.push('');
  lines.push(...table(report.renditions), ...watched(report.renditions), '', verdict(report));
  return lines.join('\n');
}

function checkLines(check: CheckReport, findings: readonly Finding[]): string[] {
  const lines = [`${marks[check.result]} ${check.title}  [${check.id}; ${check.rule}]`];
  if (check.findings === 0) return lines;
  const own = findings.filter((finding) => finding.check === check.id).slice(0, 5);
  lines.push(...own.map(({ where, message }) => `           ${where}: ${message}`));
  if (check.findings > own.length) lines.push(`           and ${check.findings - own.length} more`);
  lines.push(`           -> ${check.hint}`);
  return lines;
}

function table(renditions: readonly RenditionReport[]): string[] {
  const rows = renditions.map((one) => [
    one.name,
    one.codec ?? one.kind,
    one.fetched === one.listed ? String(one.listed) : `${one.fetched} of ${one.listed}`,
    one.seconds.toFixed(3),
    bytes(one.bytes),
    Object.entries(one.sources)
      .map(([name, count]) => `${name} ${count}`)
      .join(', '),
  ]);
  const all = [['rendition', 'codec', 'segments', 'seconds', 'size', 'came from'], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function watched(renditions: readonly RenditionReport[]): string[] {
  return renditions.flatMap(({ name, watch }) => {
    if (watch === null) return [];
    const end = watch.ended ? 'EXT-X-ENDLIST seen' : 'still growing';
    const told = `${watch.reloads} reloads in ${watch.seconds} s, ${watch.appended} segments appended, ${watch.removed} removed, ${end}`;
    return [`watched ${name}: ${told}`];
  });
}

/** Every rule as a Markdown table: id, level, source, what holds. */
export function printRules(): string {
  const rows = ruleIds.map((id) => {
    const { level, source, title } = rules[id];
    return `| \`${id}\` | ${level} | ${source} | ${title} |`;
  });
  return ['| rule | level | source | what holds |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function bytes(count: number): string {
  return count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(2)} MB`;
}

function verdict(report: VerifyReport): string {
  const count = (result: CheckReport['result']): number =>
    report.checks.filter((one) => one.result === result).length;
  const errors = count('error');
  const warnings = count('warning');
  const sampled = report.sampled ? ', a sample of the segments' : '';
  const told = `${count('ok')} checks ok, ${count('note')} notes, ${warnings} warnings, ${errors} errors, ${count('skipped')} not applicable${sampled}`;
  return `${errors > 0 ? 'FAILED' : 'PASSED'}  ${told}`;
}
