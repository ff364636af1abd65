/**
 * Cutoffs: when a cycle's run happens, and what it may know.
 *
 * A run knows what was recorded strictly before its cutoff. The cutoff lies a grace after the cycle's end so that late
 * usage is in; a subscription recorded after its own start counts the grace from when it is known; and cutoffs never go
 * back, so runs compose in order. A cancel ends its cycle early, and with it the wait. The trap: "known" begins one microsecond after "recorded". Without that, a back-dated
 * subscription without grace would have cutoffs at its own recorded time, and its first runs would not know of it.
 * The grace is the one known at the cycle's start, so that changing the setting can't move a cutoff that people wait
 * for.
 */
import { type Instant, instant, laterOf } from './instant.ts';

/**
 * Cutoff 0 = max(start, known from), the previous cutoff of run 1: nothing was billed before it. Errors:
 * INSTANT_OUT_OF_RANGE after the year 9999.
 */
export function firstCutoff({ start, subscriptionRecordedTime }: {
  readonly start: Instant;
  readonly subscriptionRecordedTime: Instant;
}): Instant {
  return laterOf(start, knownFrom(subscriptionRecordedTime));
}

/**
 * Cutoff n = max(cutoff n − 1, max(end n, known from) + grace), where the end is that of the cycle or, if that comes
 * first, the moment a cancel is done with it. Errors: INSTANT_OUT_OF_RANGE after the year 9999.
 */
export function cycleCutoff({ previousCutoff, end, cancelDoneTime = null, subscriptionRecordedTime, graceMicros }: {
  readonly previousCutoff: Instant;
  readonly end: Instant;
  readonly cancelDoneTime?: Instant | null;
  readonly subscriptionRecordedTime: Instant;
  readonly graceMicros: bigint;
}): Instant {
  const done = cancelDoneTime !== null && cancelDoneTime < end ? cancelDoneTime : end;
  return laterOf(previousCutoff, instant(laterOf(done, knownFrom(subscriptionRecordedTime)) + graceMicros));
}

/**
 * The cutoff of a settlement: of the run that bills what was first recorded at `recordedTime`, after the last run of a
 * canceled subscription. Errors: INSTANT_OUT_OF_RANGE after the year 9999.
 */
export function settlementCutoff({ previousCutoff, recordedTime, graceMicros }: {
  readonly previousCutoff: Instant;
  readonly recordedTime: Instant;
  readonly graceMicros: bigint;
}): Instant {
  return laterOf(previousCutoff, instant(knownFrom(recordedTime) + graceMicros));
}

/** The first instant before which a fact recorded at `recordedTime` counts as recorded. Errors: as above. */
export function knownFrom(recordedTime: Instant): Instant {
  return instant(recordedTime + 1n);
}
