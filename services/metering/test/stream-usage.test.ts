/** StreamUsage: the numbers of batches, and their order among each other. */
import type { CallContext } from '@valora/chassis';
import { UsageOutcome, type StreamUsageResponse } from '@valora/contracts/valora/metering/v1/usage';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { streamUsage } from '../src/stream-usage.ts';
import { newOrganization, outcomes, startMetering, usageEvent, type Metering } from './metering.ts';

const INT64_MAX = 2n ** 63n - 1n;

let metering: Metering;
let context: CallContext;
beforeEach(async () => {
  metering = await startMetering();
  context = newOrganization();
  await metering.createMeters(context);
});
afterEach(() => metering.stop());

function inShort({ outcomes: answered }: StreamUsageResponse): string[] {
  return answered.map(({ outcome, reason }) => (outcome === UsageOutcome.RECORDED ? 'RECORDED' : outcome === UsageOutcome.DUPLICATE ? 'DUPLICATE' : reason));
}

const NUMBERS: readonly (readonly [sequences: readonly bigint[], taken: number])[] = [
  [[0n], 0], [[-1n], 0], [[-INT64_MAX - 1n], 0], [[1n, 1n], 1], [[2n, 1n], 1], [[1n, 3n, 2n], 2], [[1n, INT64_MAX, INT64_MAX], 2], [[INT64_MAX, 1n], 1],
];

test('numbers are 1 or more and rise, by whatever steps: the first that does not is refused', async () => {
  for (const [sequences, taken] of NUMBERS) {
    const answer = streamUsage(metering.dependencies, context);
    const ended = await Promise.allSettled(sequences.map(async (sequence) => (await answer({ sequence, events: [usageEvent('key')] })).sequence));
    expect(ended.slice(0, taken)).toEqual(sequences.slice(0, taken).map((value) => ({ status: 'fulfilled', value })));
    expect(ended.slice(taken)).toEqual([{ status: 'rejected', reason: expect.objectContaining({ reason: 'FIELD_INVALID' }) }]);
  }
});

test('batches join the queue in their order: one that waits for its meters is not overtaken by those that know theirs, nor past one of which nothing is recorded', async () => {
  await outcomes(metering.dependencies, context, [usageEvent('first of all')]); // from here on the meter is remembered
  const answer = streamUsage(metering.dependencies, context);
  const answered = await Promise.all([
    answer({ sequence: 1n, events: [usageEvent('unknown', { meter: 'not-there' }), usageEvent('key', { value: '1' })] }),
    answer({ sequence: 2n, events: [usageEvent('refused', { value: 'one' })] }),
    answer({ sequence: 3n, events: [usageEvent('key', { value: '2' })] }),
    answer({ sequence: 4n, events: [usageEvent('key', { value: '1' })] }),
  ]);
  expect(answered.map(inShort)).toEqual([['METER_UNKNOWN', 'RECORDED'], ['FIELD_INVALID'], ['IDEMPOTENCY_KEY_REUSED'], ['DUPLICATE']]);
});

test('a batch that fails before it joins the queue holds up none of those behind it', async () => {
  const answer = streamUsage(metering.dependencies, context);
  const empty = answer({ sequence: 1n, events: [] });
  const next = answer({ sequence: 2n, events: [usageEvent('key')] });
  await expect(empty).rejects.toMatchObject({ reason: 'FIELD_INVALID' });
  expect(inShort(await next)).toEqual(['RECORDED']);
});
