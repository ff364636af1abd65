// Between the wire's Timestamp (seconds and nanos) and an Instant (microseconds). Nanoseconds finer than a microsecond are
// cut toward the past, before 1970 too; no millisecond Date is on the way.
import { instant, type Instant } from '@valora/rating';

export interface Timestamp {
  readonly seconds: bigint;
  readonly nanos: number;
}

const MICROS_PER_SECOND = 1_000_000n;

/** The instant of a valid Timestamp (0 ≤ nanos < 10⁹, years 1 to 9999); throws RangeError otherwise. */
export function instantFromTimestamp({ seconds, nanos }: Timestamp): Instant {
  if (!Number.isInteger(nanos) || nanos < 0 || nanos > 999_999_999) throw new RangeError('nanos must lie in 0 … 999999999');
  return instant(seconds * MICROS_PER_SECOND + BigInt(nanos) / 1000n);
}

export function timestampFromInstant(value: Instant): Timestamp {
  const micros = ((value % MICROS_PER_SECOND) + MICROS_PER_SECOND) % MICROS_PER_SECOND;
  return { seconds: (value - micros) / MICROS_PER_SECOND, nanos: Number(micros) * 1000 };
}
