// Metrics whose values are read when somebody asks, rather than kept up to date: what is under way is known elsewhere.
import { Counter, Gauge, type CollectFunction, type Registry } from 'prom-client';

export interface CollectedMetric {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

/** Sets the gauge's values; it is given back its own gauge, empty. */
export type Collect<Metric> = (metric: Metric) => void | Promise<void>;

export function collectedGauge(registry: Registry, { labelNames, ...metric }: CollectedMetric, collect: Collect<Gauge>): void {
  const collecting: CollectFunction<Gauge> = function collecting() {
    this.reset();
    return collect(this);
  };
  registry.registerMetric(new Gauge({ ...metric, labelNames: [...labelNames], registers: [], collect: collecting }));
}

/** For a count that is kept elsewhere and only ever grows. */
export function collectedCounter(registry: Registry, { labelNames, ...metric }: CollectedMetric, collect: Collect<Counter>): void {
  const collecting: CollectFunction<Counter> = function collecting() {
    this.reset();
    return collect(this);
  };
  registry.registerMetric(new Counter({ ...metric, labelNames: [...labelNames], registers: [], collect: collecting }));
}
