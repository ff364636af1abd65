// Which metrics there are, with their labels, from the registries of running services; and which ones a query of PromQL names.
import type { TestValora } from '@valora/testkit/valora';

export interface MetricFacts {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
}

type Registry = TestValora['registries'][number];

/** What registries hold, each name once. */
export function metricsOf(registries: readonly Registry[]): readonly MetricFacts[] {
  const found = new Map(registries.flatMap((registry) => registry.getMetricsAsArray().map((metric) => {
    // prom-client's types leave out the label names.
    const { labelNames = [] } = metric as { readonly labelNames?: readonly string[] };
    return [metric.name, { name: metric.name, type: String(metric.type), labels: labelNames }] as const;
  })));
  return [...found.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/** The names under which Prometheus stores a metric. */
export function seriesNames({ name, type }: MetricFacts): readonly string[] {
  return type === 'histogram' || type === 'summary' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`, ...(type === 'summary' ? [name] : [])] : [name];
}

const STRINGS = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/g;
const MATCHERS = /\{([^{}]*)\}/g;
const RANGES = /\[[^\]]*\]/g;
const LABEL_LISTS = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)/g;
const NAMES = /(?<![\w:.$])[a-zA-Z_:][\w:]*(?!\s*\()(?![\w:])/g;
const KEYWORDS = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right', 'offset', 'bool', 'and', 'or', 'unless', 'inf', 'nan', 'start', 'end']);

/** The series that a query reads and the labels that it matches or groups by. */
export function namesInQuery(query: string): { readonly series: readonly string[]; readonly labels: readonly string[] } {
  const labels: string[] = [];
  const bare = query
    .replace(STRINGS, '""')
    .replace(MATCHERS, (_all, inside: string) => {
      labels.push(...[...inside.matchAll(/([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label));
      return ' ';
    })
    .replace(RANGES, ' ')
    .replace(LABEL_LISTS, (_all, inside: string) => {
      labels.push(...inside.split(',').map((label) => label.trim()).filter((label) => label !== ''));
      return ' ';
    });
  const series = [...bare.matchAll(NAMES)].map(([name]) => name).filter((name) => !KEYWORDS.has(name.toLowerCase()) && !/^\d/.test(name));
  return { series: [...new Set(series)], labels: [...new Set(labels)] };
}
