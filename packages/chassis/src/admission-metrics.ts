// What admission does: how many calls run and wait, by call depth, and how many were refused. Read when somebody asks.
import type { Registry } from 'prom-client';
import type { Admission } from './admission.ts';
import { collectedCounter, collectedGauge } from './collected-metric.ts';

export interface AdmissionMetrics {
  observe(admission: Admission): void;
}

export function createAdmissionMetrics(registry: Registry, service: string): AdmissionMetrics {
  let observed: Admission | undefined;
  const gauge = (name: string, help: string, part: 'running' | 'waiting'): void => collectedGauge(registry, { name, help, labelNames: ['valora_service', 'call_depth'] }, (metric) => {
    observed?.load().depths.forEach((depth, callDepth) => metric.set({ valora_service: service, call_depth: callDepth }, depth[part]));
  });
  gauge('valora_admission_running_calls', 'Calls whose handler runs.', 'running');
  gauge('valora_admission_waiting_calls', 'Calls that wait for a place.', 'waiting');
  const refused = { name: 'valora_admission_refused_total', help: 'Calls refused with OVERLOADED, for the queue or an organization\'s share of it was full.', labelNames: ['valora_service'] };
  collectedCounter(registry, refused, (metric) => metric.inc({ valora_service: service }, observed?.load().refusedCount ?? 0));
  return { observe: (admission) => { observed = admission; } };
}
