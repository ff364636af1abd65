/** Billing periods: the boundary after a moment, the period around it, the last one completed, a series of them. */
import { cycleBounds, cycleIndexAt, fullPeriod, type Instant, instant, type Interval, laterOf, periodBoundary } from '@valora/rating';
import { type Answer, compared, type ConformanceCase, nothingToCompare, outside } from './case.ts';
import { sameCount, sameInstant } from './compare.ts';
import { type Fields, has, text, textIfAny, texts } from './fields.ts';
import { cadenceOf, time, timeIfAny, timeOf, zoneOf } from './times.ts';

export const PERIOD_KINDS = [
  'series', 'next', 'containing', 'last_completed', 'first_boundary', 'floor', 'calendar_anchor', 'add', 'elapsed', 'whole_periods', 'billed_through',
] as const;

export function runPeriods({ fields, expected }: ConformanceCase): Answer {
  const kind = PERIOD_KINDS.find((one) => one === text(fields, 'kind'));
  switch (kind) {
    case 'series':
      return runSeries(fields, texts(expected, 'boundaries').map((given) => timeOf(given, zoneOf(fields))));
    case 'next':
    case 'first_boundary':
    case 'calendar_anchor':
    case 'add':
      return compared(sameInstant('next', time({ ...expected, timezone: zoneOf(fields) }, 'next'), nextBoundary(kind, fields)));
    case 'floor':
      return samePeriod(fields, expected, fullPeriod(cadenceOf(fields), 1, time(fields, 'at')));
    case 'containing':
      return samePeriod(fields, expected, containing(fields, time(fields, 'at')));
    case 'last_completed':
      return samePeriod(fields, expected, periodBefore(fields, containing(fields, time(fields, 'billed_at'))));
    case 'elapsed':
      return compared(sameCount('completed_periods', text(expected, 'completed_periods'), cycleIndexAt(cadenceOf(fields), time(fields, 'at'), time(fields, 'start')) - 1));
    case 'whole_periods': {
      const cadence = cadenceOf({ ...fields, anchor: text(fields, 'from') });
      return compared(sameCount('count', text(expected, 'count'), cycleIndexAt(cadence, time(fields, 'to'), cadence.anchor) - 1));
    }
    case 'billed_through':
      return runBilledThrough(fields, expected);
    default:
      return outside(`no periods of kind ${text(fields, 'kind')}`);
  }
}

function runSeries(fields: Fields, expected: readonly Instant[]): Answer {
  if (expected.length === 0) return nothingToCompare('boundaries');
  const cadence = cadenceOf(fields);
  const start = time(fields, 'start');
  const last = timeIfAny(fields, 'end');
  const ours = expected.map((_, position) => cutAt(last, position === 0 ? cycleBounds(cadence, 1, start).start : cycleBounds(cadence, position, start).end));
  return compared(...expected.map((boundary, position) => sameInstant(`boundary ${position}`, boundary, ours[position] ?? start)));
}

function nextBoundary(kind: 'next' | 'first_boundary' | 'calendar_anchor' | 'add', fields: Fields): Instant {
  const cadence = cadenceOf(fields);
  if (kind === 'add') return periodBoundary(cadence, 1);
  const from = time(fields, kind === 'next' ? 'from' : kind === 'first_boundary' ? 'start' : 'at');
  const around = fullPeriod(cadence, 1, from);
  if (kind === 'first_boundary') return around.start === from ? from : around.end; // at the start counts too
  return cutAt(timeIfAny(fields, 'end'), around.end);
}

/** The cycle of the subscription in which a moment lies; without a start, the whole period. A moment before the start lies in none: the first is shown. */
function containing(fields: Fields, at: Instant): Interval {
  const cadence = cadenceOf(fields);
  const start = timeIfAny(fields, 'start');
  return start === null ? fullPeriod(cadence, 1, at) : cycleBounds(cadence, cycleIndexAt(cadence, laterOf(at, start), start), start);
}

function periodBefore(fields: Fields, { start }: Interval): Interval {
  return containing(fields, instant(start - 1n));
}

/** The end of the last range that is due on a day: in advance every one that has begun, in arrears every one that has ended. */
function runBilledThrough(fields: Fields, expected: Fields): Answer {
  const start = time(fields, 'start');
  const end = timeIfAny(fields, 'end');
  const billedOn = time(fields, 'billed_on');
  const cadence = cadenceOf(fields);
  const current = cycleBounds(cadence, cycleIndexAt(cadence, laterOf(billedOn, start), start), start);
  const isOver = end !== null && end <= billedOn;
  const through = cutAt(end, textIfAny(fields, 'mode') === 'advance' || isOver ? current.end : current.start);
  const billedThrough = timeIfAny({ ...expected, timezone: zoneOf(fields) }, 'billed_through');
  const next = timeIfAny({ ...expected, timezone: zoneOf(fields) }, 'next_billing');
  return compared(
    sameInstant('billed_through', billedThrough ?? start, through), // nothing to bill: through the start
    next === null ? [] : sameInstant('next_billing', next, current.end),
  );
}

function samePeriod(fields: Fields, expected: Fields, ours: Interval): Answer {
  if (!has(expected, 'start') && !has(expected, 'end')) return nothingToCompare('start', 'end');
  const given = { ...expected, timezone: zoneOf(fields) };
  return compared(
    has(expected, 'start') ? sameInstant('start', time(given, 'start'), ours.start) : [],
    has(expected, 'end') ? sameInstant('end', time(given, 'end'), ours.end) : [],
  );
}

function cutAt(end: Instant | null, moment: Instant): Instant {
  return end !== null && end < moment ? end : moment;
}
