// What a service measures: one registry for each instance of a service, so that several in one process never mix. Labels take
// few values (rpcs, codes, jobs, reasons), never an organization or a customer. Seconds are for charts; no amount sees them.
import { Registry } from 'prom-client';
import { createAdmissionMetrics, type AdmissionMetrics } from './admission-metrics.ts';
import { createAuditMetrics, type AuditMetrics } from './audit-metrics.ts';
import { createDatabaseMetrics, type DatabaseMetrics } from './database-metrics.ts';
import { createDueWorkMetrics, type DueWorkMetrics } from './due-work-metrics.ts';
import { createRpcMetrics, type RpcMetrics } from './rpc-metrics.ts';

export interface ServiceMetrics {
  /** A service adds its own metrics to it. */
  readonly registry: Registry;
  readonly rpc: RpcMetrics;
  readonly admission: AdmissionMetrics;
  readonly audit: AuditMetrics;
  readonly database: DatabaseMetrics;
  readonly dueWork: DueWorkMetrics;
}

export function createServiceMetrics(service: string): ServiceMetrics {
  const registry = new Registry();
  return {
    registry,
    rpc: createRpcMetrics(registry, service),
    admission: createAdmissionMetrics(registry, service),
    audit: createAuditMetrics(registry, service),
    database: createDatabaseMetrics(registry, service),
    dueWork: createDueWorkMetrics(registry, service),
  };
}

/**
 * All metrics of several registries in the text format of Prometheus, each name once: services in one process share names and
 * differ in their labels.
 */
export async function metricsText(registries: readonly Registry[]): Promise<string> {
  const names = new Set(registries.flatMap((registry) => registry.getMetricsAsArray().map(({ name }) => name)));
  const parts: string[] = [];
  for (const name of names) {
    const holders = registries.filter((registry) => registry.getSingleMetric(name) !== undefined);
    const texts = await Promise.all(holders.map((registry) => registry.getSingleMetricAsString(name)));
    parts.push(texts.map((text, position) => (position === 0 ? text : withoutHeading(text))).filter((text) => text !== '').join('\n'));
  }
  return `${parts.join('\n\n')}\n`;
}

function withoutHeading(text: string): string {
  return text.split('\n').filter((line) => !line.startsWith('#')).join('\n');
}
