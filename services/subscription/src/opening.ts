// Opening cycles: from what a subscription is to the boundaries and cutoffs of its next cycles. A pure function of facts, so
// opening late, twice or in any number of replicas gives the same cycles. Two traps: a cycle starts at the persisted end of
// the one before, whatever the calendar says today; and its cutoff goes by the grace known at its start, not now.
import {
  cycleBounds, cycleCutoff, firstCutoff, settingsKnownBefore, type BillingCadence, type Instant, type Interval,
} from '@valora/rating';
import type { BillingCycle } from './billing-cycle.ts';
import type { GraceVersion } from './sources.ts';

/** A subscription with the end of its last cycle, if it has one. */
export interface OpeningSubscription {
  readonly reference: string;
  readonly cadence: BillingCadence;
  readonly startTime: Instant;
  readonly recordedTime: Instant;
  readonly nextIndex: number;
  readonly previous: { readonly end: Instant; readonly cutoff: Instant } | null;
  /** When a cancel is in effect and known: no cycle starts at or after it. Null where there is none. */
  readonly cancelDoneTime: Instant | null;
}

export interface DuePeriod extends Interval {
  readonly index: number;
}

/** The next periods whose start the clock has reached, at most `countMax`: more than one after missed openings or a back-dated start. */
export function duePeriods({ cadence, startTime, nextIndex, previous, cancelDoneTime }: OpeningSubscription, now: Instant, countMax: number): readonly DuePeriod[] {
  const periods: DuePeriod[] = [];
  let start = previous?.end ?? startTime;
  for (let index = nextIndex; start <= now && (cancelDoneTime === null || start < cancelDoneTime) && periods.length < countMax; index += 1) {
    const { end } = cycleBounds(cadence, index, startTime);
    periods.push({ index, start, end });
    start = end;
  }
  return periods;
}

/** Those periods as open cycles. Of `settings`, all versions recorded before the last period's start must be there. */
export function openedCycles(
  { reference, startTime, recordedTime, previous, cancelDoneTime }: OpeningSubscription,
  periods: readonly DuePeriod[],
  { settings, tzdataVersion }: { settings: readonly GraceVersion[]; tzdataVersion: string },
): readonly BillingCycle[] {
  let previousCutoff = previous?.cutoff ?? firstCutoff({ start: startTime, subscriptionRecordedTime: recordedTime });
  return periods.map(({ index, start, end }) => {
    const { graceMicros } = settingsKnownBefore(settings, start);
    const cutoff = cycleCutoff({ previousCutoff, end, cancelDoneTime, subscriptionRecordedTime: recordedTime, graceMicros });
    previousCutoff = cutoff;
    return { subscriptionReference: reference, index, start, end, cutoff, graceMicros, tzdataVersion, state: 'OPEN', runDigest: null };
  });
}
