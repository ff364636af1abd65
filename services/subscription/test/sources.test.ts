/** Asking other services, one of which has a clock that is a little behind. */
import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { CallError, instantFromTimestamp, type OutgoingContext, type Peer, type Timestamp } from '@valora/chassis';
import { instant, type Instant } from '@valora/rating';
import { expect, test } from 'vitest';
import { createSources } from '../src/sources.ts';

const context: OutgoingContext = { organizationId: 'o', caller: { actor: 'test' }, deadlineMs: Date.now() + 60_000, callDepth: 0 };

class Behind extends CallError {
  override readonly reason = 'SEAL_IN_FUTURE';
}

function now(): Instant {
  return instant(BigInt(Date.now()) * 1_000n);
}

/** A service whose clock is behind ours by so much. */
function behind(micros: bigint): Peer {
  const sealThrough = async (_context: unknown, { throughTime }: { throughTime: Timestamp }): Promise<object> => {
    if (now() - micros >= instantFromTimestamp(throughTime)) return {};
    const error: ServiceError = Object.assign(new Error('behind'), { code: status.FAILED_PRECONDITION, details: '', metadata: new Metadata() });
    throw new Behind('sealThrough', error);
  };
  const answers = { sealThrough, findLateUsage: async () => ({ lateUsages: [{ queryKey: 's', earliestRecordedTime: { seconds: 7n, nanos: 0 } }] }) };
  return { stub: () => answers as never, close: () => undefined };
}

test.each([[300_000n, 'found'], [3_600_000_000n, 'UNAVAILABLE']])('a look through the very present, where metering is %i µs behind: %s', async (micros, outcome) => {
  const peer = behind(micros);
  const look = { reference: 's', customerReference: 'one', meterCodes: ['calls'], service: { start: instant(0n), end: instant(1n) }, last: { cutoff: instant(2n) } };
  const found = await createSources({ tenancy: peer, pricing: peer, metering: peer }).findFirstRecorded(context, [look], now()).then((answer) => [...answer], (error: { reason: string }) => error.reason);
  expect(found).toEqual(outcome === 'found' ? [['s', 7_000_000n]] : outcome);
});
