/** Which runner a case belongs to, told by its members. */
import { type Answer, type ConformanceCase, outside } from './case.ts';
import { has, textIfAny } from './fields.ts';
import { runAggregation } from './run-aggregation.ts';
import { runLifecycle } from './run-lifecycle.ts';
import { PERIOD_KINDS, runPeriods } from './run-periods.ts';
import { PRORATION_KINDS, runProration } from './run-proration.ts';
import { runRating } from './run-rating.ts';
import { ROUNDING_KINDS, runRounding } from './run-rounding.ts';

const RUNNERS = new Map<string, (one: ConformanceCase) => Answer>([
  ...PRORATION_KINDS.map((kind) => [kind, runProration] as const),
  ...PERIOD_KINDS.map((kind) => [kind, runPeriods] as const),
  ...ROUNDING_KINDS.map((kind) => [kind, runRounding] as const),
]);

export function runCase(one: ConformanceCase): Answer {
  const { fields } = one;
  if (has(fields, 'steps')) return runLifecycle(one);
  if (has(fields, 'aggregation')) return runAggregation(one);
  if (has(fields, 'model')) return runRating(one);
  const kind = textIfAny(fields, 'kind');
  const run = kind === null ? undefined : RUNNERS.get(kind);
  return run === undefined ? outside(`no runner for kind ${kind ?? 'none'}`) : run(one);
}
