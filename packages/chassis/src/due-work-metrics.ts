// How late due work is: for each kind, how long the organization that waits longest could have been claimed and was not. Asked of the
// database when somebody asks for metrics; a database that does not answer in time leaves the gauge without a value.
import type { Registry } from 'prom-client';
import { collectedGauge } from './collected-metric.ts';

/** Seconds by kind of work, 0 where nothing waits. */
export type ReadDueWorkLag = () => Promise<ReadonlyMap<string, number>>;

export interface DueWorkMetrics {
  observe(read: ReadDueWorkLag): void;
}

const ANSWER_MS_MAX = 2_000;

export function createDueWorkMetrics(registry: Registry, service: string): DueWorkMetrics {
  return {
    observe(read) {
      const lag = { name: 'valora_due_work_lag_seconds', help: 'How long the organization that waits longest could have been claimed for this kind of work.', labelNames: ['valora_service', 'kind'] };
      collectedGauge(registry, lag, async (metric) => {
        for (const [kind, seconds] of await inTime(read)) metric.set({ valora_service: service, kind }, seconds);
      });
    },
  };
}

async function inTime(read: ReadDueWorkLag): Promise<ReadonlyMap<string, number>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<ReadonlyMap<string, number>>((resolve) => { timer = setTimeout(() => resolve(new Map()), ANSWER_MS_MAX); });
  try {
    return await Promise.race([read().catch(() => new Map<string, number>()), late]);
  } finally {
    clearTimeout(timer);
  }
}
