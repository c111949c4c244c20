import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { createMetrics } from '../../../src/ops/metrics.ts';
import { registries } from '../../support/registries.ts';

const root = new URL('../../../', import.meta.url);
const read = (path: string): Promise<string> => readFile(new URL(path, root), 'utf8');

const { node, playlists } = registries();
const all = [...new Map([...node, ...playlists].map((metric) => [metric.name, metric])).values()];

test('names follow the conventions of Prometheus', () => {
  for (const { name, type, help, labels } of all) {
    expect(name, name).toMatch(/^segue(_[a-z0-9]+)+$/);
    expect(name.endsWith('_total'), `${name} is a ${type}`).toBe(type === 'counter');
    expect(name, 'base units').not.toMatch(
      /_(ms|milliseconds|minutes|hours|micros|kb|kilobytes|mb|megabytes|percent)(_|$)/,
    );
    if (type === 'histogram') expect(name).toMatch(/_(seconds|bytes)$/);
    if (/seconds|bytes|ratio/.test(name)) expect(name).toMatch(/_(seconds|bytes|ratio)(_total)?$/);
    expect(help, name).toMatch(/^[A-Zf].*[^.]$/);
    for (const label of labels) expect(label).toMatch(/^(?!le$|quantile$)[a-z]+$/);
  }
});

test('what both kinds of process have means the same', () => {
  const shared = node.filter(({ name }) => playlists.some((other) => other.name === name));
  expect(shared.map(({ name }) => name)).toEqual([
    'segue_http_request_duration_seconds',
    'segue_http_errors_total',
  ]);
  for (const metric of shared) expect(playlists.find(({ name }) => name === metric.name)).toEqual(metric);
});

const unitOf = (name: string): string =>
  ['seconds', 'bytes', 'ratio'].find((unit) => name.replace(/_total$/, '').endsWith(`_${unit}`)) ?? '';

/** The table of docs/METRICS.md, as wide as its widest cells. */
function table(): string {
  const from = (name: string): string =>
    [
      ...(playlists.some((metric) => metric.name === name) ? ['service'] : []),
      ...(node.some((metric) => metric.name === name) ? ['node'] : []),
    ].join(', ');
  const head = ['metric', 'type', 'unit', 'labels', 'from', 'what'];
  const rows = all
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .map(({ name, type, help, labels }) => [
      `\`${name}\``,
      type,
      unitOf(name),
      labels.map((label) => `\`${label}\``).join(', '),
      from(name),
      help,
    ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

test('docs/METRICS.md lists what the processes register (`vitest -u` writes it anew)', async () => {
  const text = await read('docs/METRICS.md');
  const renewed = text.replace(/\| metric +\| type[^]*?\|\n(?!\|)/, `${table()}\n`);
  await expect(renewed).toMatchFileSnapshot(fileURLToPath(new URL('docs/METRICS.md', root)));
});

const alertsSchema = z.object({
  groups: z.array(
    z.object({
      name: z.string(),
      rules: z.array(
        z.union([
          z.strictObject({ record: z.string(), expr: z.string() }),
          z.strictObject({
            alert: z.string().regex(/^Segue[A-Za-z]+$/),
            expr: z.string(),
            for: z
              .string()
              .regex(/^\d+[smh]$/)
              .optional(),
            labels: z.strictObject({ severity: z.enum(['warning', 'critical']) }),
            annotations: z.strictObject({ summary: z.string().min(10), runbook: z.string() }),
          }),
        ]),
      ),
    }),
  ),
});
const rulesOf = async () =>
  alertsSchema.parse(parse(await read('infra/prometheus/alerts.yml'))).groups.flatMap(({ rules }) => rules);

const panelSchema = z.object({
  title: z.string(),
  type: z.string(),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  targets: z.array(z.object({ expr: z.string(), legendFormat: z.string() })).default([]),
});
const dashboardSchema = z.object({ uid: z.literal('segue'), panels: z.array(panelSchema) });
const dashboard = async () => dashboardSchema.parse(JSON.parse(await read('infra/grafana/segue.json')));

/** Figures of process and Node.js that the library adds. */
async function ofProcess(): Promise<string[]> {
  const text = await createMetrics().text();
  return [...text.matchAll(/^# HELP ((?:process|nodejs)_\w+) /gm)].map(([, name]) => String(name));
}

/** Names and labels that an expression uses. Strings are left out, except as values of labels. */
function usedIn(expr: string): { names: string[]; labels: string[] } {
  const plain = expr.replaceAll(/"[^"]*"/g, '""');
  const names = [...plain.matchAll(/\b(?:segue[_:]|process_|nodejs_)[\w:]+/g)].map(([name]) => name);
  const lists = [
    ...[...plain.matchAll(/\{([^}]*)\}/g)].flatMap(([, inner = '']) => inner.match(/\w+(?=\s*[=!])/g) ?? []),
    ...[...plain.matchAll(/\b(?:by|on|without)\s*\(([^)]*)\)/g)].flatMap(
      ([, inner = '']) => inner.match(/\w+/g) ?? [],
    ),
  ];
  return { names, labels: lists };
}

test('alerts and dashboard use nothing that no process has', async () => {
  const rules = await rulesOf();
  const recorded = rules.flatMap((rule) => ('record' in rule ? [rule.record] : []));
  const known = new Set([
    ...all.flatMap(({ name, type }) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
    ),
    ...(await ofProcess()),
    ...recorded,
  ]);
  const labels = new Set([...all.flatMap((metric) => metric.labels), 'job', 'instance', 'le', 'node']);
  const { panels } = await dashboard();
  const expressions = [
    ...rules.map(({ expr }) => expr),
    ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ];
  expect(expressions.length).toBeGreaterThan(50);
  for (const expr of expressions) {
    const used = usedIn(expr);
    if (!/\bup\b/.test(expr)) expect(used.names.length, expr).toBeGreaterThan(0);
    for (const name of used.names) expect([...known], expr).toContain(name);
    for (const label of used.labels) expect([...labels], expr).toContain(label);
  }
  for (const name of recorded)
    expect(expressions.filter((expr) => expr.includes(name)).length, `${name} is used`).toBeGreaterThan(0);
});

test('the dashboard shows what issue and docs promise, and no panel lies on another', async () => {
  const { panels } = await dashboard();
  const text = JSON.stringify(panels);
  for (const name of [
    'segue_exposure_seconds',
    'segue_copy_tasks',
    'segue_copy_seconds',
    'segue_copied_bytes_total',
    'segue:copy_cpu:ratio_rate5m',
    'segue_copy_failures_total',
    'segue_segment_failures_total',
    'segue_evictions_total',
    'segue_hold_duration_seconds',
    'segue_first_segment_seconds',
    'segue_takeovers_total',
    'segue_segment_answers_total',
  ])
    expect(text).toContain(name);
  for (const [at, { gridPos: a, title }] of panels.entries())
    for (const { gridPos: b, title: other } of panels.slice(at + 1)) {
      const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
      expect(apart, `${title} and ${other}`).toBe(true);
    }
});

test('each alert has its section in docs/OPERATING.md, and each section its alert', async () => {
  const operating = await read('docs/OPERATING.md');
  const sections = [...operating.matchAll(/^### (Segue\w+)$/gm)].map(([, name]) => String(name));
  const alerts = (await rulesOf()).flatMap((rule) => ('alert' in rule ? [rule] : []));
  expect(alerts.map(({ alert }) => alert)).toEqual(sections);
  for (const { alert, annotations } of alerts)
    expect(annotations.runbook).toBe(`docs/OPERATING.md#${alert.toLowerCase()}`);
});

test('the example of a monitoring stack names files that are there', async () => {
  const compose = await read('infra/compose.monitoring.yaml');
  const files = [...compose.matchAll(/- (\.\/\S+?):/g)].map(([, path]) => String(path));
  expect(files.length).toBeGreaterThan(3);
  for (const path of files) expect(await read(`infra/${path}`)).not.toBe('');
  const prometheus = z
    .object({
      rule_files: z.tuple([z.string()]),
      scrape_configs: z.array(z.object({ job_name: z.string() })),
    })
    .parse(parse(await read('infra/prometheus/prometheus.yml')));
  expect(prometheus.scrape_configs.map(({ job_name }) => job_name)).toEqual([
    'segue-playlists',
    'segue-nodes',
  ]);
  await read(`infra/prometheus/${prometheus.rule_files[0]}`);
});
