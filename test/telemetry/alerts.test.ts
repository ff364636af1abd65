// Dashboards, rules and alerts against what is measured: every query names metrics and labels that exist, every alert has its runbook and its test,
// and every runbook its alert.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createProcessRegistry } from '@valora/chassis';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import { parse } from 'yaml';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { metricsOf, namesInQuery, seriesNames } from './metric-catalog.ts';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
interface Dashboard {
  readonly uid: string;
  readonly panels: readonly { readonly id: number; readonly title: string; readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[] }[];
}
interface RuleTests {
  readonly tests: readonly { readonly name: string; readonly input_series: readonly { readonly series: string }[]; readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts?: readonly unknown[] }[] }[];
}

const path = (fromRoot: string): string => fileURLToPath(new URL(`../../${fromRoot}`, import.meta.url));
const text = (fromRoot: string): string => readFileSync(path(fromRoot), 'utf8');
const files = (folder: string, end: string): readonly string[] => readdirSync(path(folder)).filter((name) => name.endsWith(end)).map((name) => `${folder}/${name}`);
const rulesIn = (fromRoot: string): readonly Rule[] => (parse(text(fromRoot)) as { readonly groups: readonly { readonly rules: readonly Rule[] }[] }).groups.flatMap(({ rules }) => rules);

const records = rulesIn('infra/prometheus/rules.yml');
const alerts = rulesIn('infra/prometheus/alerts.yml');
const dashboards = files('infra/grafana', '.json').map((file) => JSON.parse(text(file)) as Dashboard);
const queries = [
  ...[...records, ...alerts].map(({ alert = '', record = '', expr }) => ({ where: alert + record, query: expr })),
  ...dashboards.flatMap(({ uid, panels }) => panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: `${uid}: ${title}`, query: expr })))),
];
/** What Prometheus adds: to every series, and of its own. */
const TARGET_LABELS = ['job', 'instance', 'le'];

let valora: TestValora;
const series = new Set<string>(['up']);
const labels = new Set<string>(TARGET_LABELS);
beforeAll(async () => {
  valora = await startTestValora();
  for (const metric of metricsOf([...valora.registries, createProcessRegistry()])) {
    seriesNames(metric).forEach((name) => series.add(name));
    metric.labels.forEach((label) => labels.add(label));
  }
  records.forEach(({ record = '' }) => series.add(record));
});
afterAll(async () => { await valora.stop(); });

test('there are dashboards and rules, and every query names a metric', () => {
  expect([dashboards.length, alerts.length, records.length].map((count) => count > 3)).toEqual([true, true, true]);
  expect(queries.filter(({ query }) => namesInQuery(query).series.length === 0)).toEqual([]);
});

test('every metric that a query names exists, and every label', () => {
  expect(queries.flatMap(({ where, query }) => namesInQuery(query).series.filter((name) => !series.has(name)).map((name) => `${where}: ${name}`))).toEqual([]);
  expect(queries.flatMap(({ where, query }) => namesInQuery(query).labels.filter((label) => !labels.has(label)).map((label) => `${where}: ${label}`))).toEqual([]);
});

test.each([
  ['sum by (a, b) (rate(x_total{c="d{e}", f!~"g|h"}[5m])) / ignoring (b) group_left () y{i="j"} > 0.5', ['x_total', 'y'], ['c', 'f', 'i', 'a', 'b']],
  ['histogram_quantile(0.99, sum by (le) (rate(x_bucket[$__rate_interval])))', ['x_bucket'], ['le']],
  ['absent(x) or sum(increase(a:b:c[1d])) == 0 and on (k) up offset 5m unless inf', ['x', 'a:b:c', 'up'], ['k']],
  ['topk(10, valora:x:p99_5m{m!~".*/(A|B)"}) > 2.5', ['valora:x:p99_5m'], ['m']],
])('%s reads %j by %j', (query, names, by) => {
  expect([namesInQuery(query).series.toSorted(), namesInQuery(query).labels.toSorted()]).toEqual([names.toSorted(), by.toSorted()]);
});

test('every metric is on a dashboard: what nobody looks at need not be measured', () => {
  const read = new Set(queries.flatMap(({ query }) => namesInQuery(query).series));
  expect(metricsOf(valora.registries).filter((metric) => !seriesNames(metric).some((name) => read.has(name))).map(({ name }) => name)).toEqual([]);
});

test('every alert has a severity, a summary and its runbook, and every runbook its alert', () => {
  const named = alerts.map(({ alert = '', labels: given = {}, annotations = {} }) => ({ alert, severity: given['severity'], summary: annotations['summary'] ?? '', runbook: annotations['runbook_url'] ?? '' }));
  expect(named.filter(({ severity, summary }) => !['critical', 'warning'].includes(severity ?? '') || summary.length < 10)).toEqual([]);
  expect(named.map(({ runbook }) => runbook).toSorted()).toEqual(files('docs/runbooks', '.md').filter((file) => !file.endsWith('/README.md')).toSorted());
  for (const { alert, runbook } of named) expect(text(runbook)).toMatch(new RegExp(`^# ${alert}\\n`));
  const index = [...text('docs/runbooks/README.md').matchAll(/^\| \[(\w+)\]\(([\w-]+\.md)\)/gm)].map(([, alert = '', file = '']) => `${alert} docs/runbooks/${file}`);
  expect(index.toSorted()).toEqual(named.map(({ alert, runbook }) => `${alert} ${runbook}`).toSorted());
});

test('a runbook shows the query that its alert has', () => {
  for (const { expr, annotations = {} } of alerts) expect(text(annotations['runbook_url'] ?? '')).toContain(`\`\`\`promql\n${expr}\n\`\`\``);
});

test('every alert is tried: quiet, then told, on series that exist', () => {
  const tried = files('infra/prometheus/tests', '.yml').flatMap((file) => (parse(text(file)) as RuleTests).tests);
  expect(tried.map(({ name }) => name).toSorted()).toEqual(alerts.map(({ alert = '' }) => alert).toSorted());
  for (const { name, alert_rule_test: [quiet, told, ...more] } of tried) {
    expect([quiet?.alertname, quiet?.exp_alerts, told?.alertname, told?.exp_alerts?.length, more]).toEqual([name, undefined, name, 1, []]);
  }
  const fed = tried.flatMap(({ input_series: all }) => all.flatMap((one) => namesInQuery(one.series).series));
  expect(fed.filter((name) => !series.has(name))).toEqual([]);
});
