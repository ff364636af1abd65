/** Closing claimed cycles, with what other services do as small functions: which are complete, which are given back and how, in how many calls. */
import { CallError, commonErrors, statusOf, timestampFromInstant, type DomainError, type OutgoingContext } from '@valora/chassis';
import type { RunBillingCyclesRequest } from '@valora/contracts/valora/invoicing/v1/invoice';
import { BillingCycleState, type BillingCycle, type ReleaseCyclesRequest } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { parseInstant } from '@valora/rating';
import { expect, test } from 'vitest';
import { closeClaimed, type ClosingPeers } from '../src/close-claimed.ts';
import type { Failures } from '../src/job.ts';

const context: OutgoingContext = { organizationId: 'org_a', caller: { actor: 'test' }, deadlineMs: Date.now() + 60_000, callDepth: 0 };

function claimed(count: number): readonly BillingCycle[] {
  return Array.from({ length: count }, (_, position) => ({
    subscription: `s${position}`, cycleIndex: 1, state: BillingCycleState.CLOSING, tzdataVersion: '', runDigest: '', cutoffTime: timestampFromInstant(parseInstant('2026-02-01T00:00:00Z')),
  }));
}

const answered = (error: DomainError): CallError => new CallError('/a/call', Object.assign(new Error(error.message), statusOf(error)));

interface Closed {
  readonly processedCount: number;
  readonly failed: readonly string[];
  /** How many cycles each call of RunBillingCycles named. */
  readonly calls: readonly number[];
  readonly completed: readonly string[];
  readonly released: readonly ReleaseCyclesRequest[];
  readonly thrown: unknown;
}

/** Closes `count` cycles; a call that names one of `poison` ends with `error`, a cycle in `failing` has an error of its own. */
async function close({ count, poison = [], failing = [], error = commonErrors.INTERNAL({ trace: 't' }), failures = 'COUNT' }:
{ count: number; poison?: readonly string[]; failing?: readonly string[]; error?: DomainError; failures?: Failures }): Promise<Closed> {
  const calls: number[] = [], completed: string[] = [], released: ReleaseCyclesRequest[] = [];
  const peers: ClosingPeers = {
    invoices: {
      async runBillingCycles(_context, { cycles }: RunBillingCyclesRequest) {
        calls.push(cycles.length);
        if (cycles.some(({ subscription }) => poison.includes(subscription))) throw answered(error);
        return { results: cycles.map((cycle) => ({ cycle, result: failing.includes(cycle.subscription)
          ? { $case: 'error' as const, value: { reason: 'PRICE_MISSING', message: 'None.' } } : { $case: 'digest' as const, value: 'd' } })) };
      },
    },
    billingCycles: {
      async completeCycles(_context, request) {
        completed.push(...request.completed.map(({ cycle }) => cycle?.subscription ?? ''));
        return {};
      },
      async releaseCycles(_context, request) {
        released.push(request);
        return {};
      },
    },
  };
  const outcome = await closeClaimed(peers, context, { cycles: claimed(count), leaseHolder: 'me', failures }).catch((thrown: unknown) => ({ processedCount: 0, failedRuns: [], thrown }));
  return {
    calls, completed, released, processedCount: outcome.processedCount, thrown: 'thrown' in outcome ? outcome.thrown : null,
    failed: outcome.failedRuns.map(({ subscription, error: { reason } }) => `${subscription} ${reason}`),
  };
}

const failedIn = ({ released }: Closed): readonly string[] => released.flatMap(({ failed }) => failed.map(({ cycle, reason }) => `${cycle?.subscription} ${reason}`));

test.each([[1, 1], [2, 3], [3, 5], [8, 7], [200, 17]])('of %i cycles one that ends every call fails alone, wherever it stands, its neighbours close, in at most %i calls', async (count, callsMax) => {
  for (const position of new Set([0, 1, Math.trunc(count / 2), count - 1].filter((one) => one < count))) {
    const closed = await close({ count, poison: [`s${position}`] });
    expect(closed.completed).toEqual(claimed(count).map(({ subscription }) => subscription).filter((subscription) => subscription !== `s${position}`));
    expect([closed.processedCount, closed.failed, failedIn(closed)]).toEqual([count - 1, [`s${position} INTERNAL`], [`s${position} INTERNAL`]]);
    expect(closed.calls.length).toBeLessThanOrEqual(callsMax);
  }
});

test('two that end every call fail alone, the other 6 of 8 close', async () => {
  const closed = await close({ count: 8, poison: ['s2', 's7'] });
  expect([closed.completed, failedIn(closed)]).toEqual([['s0', 's1', 's3', 's4', 's5', 's6'], ['s2 INTERNAL', 's7 INTERNAL']]);
});

test("a batch that no cycle broke off is not split: all go back in the holder's name, none counted, and the error goes on", async () => {
  const closed = await close({ count: 8, poison: ['s3'], error: commonErrors.UNAVAILABLE() });
  expect(closed.calls).toEqual([8]);
  expect(closed.thrown).toMatchObject({ reason: 'UNAVAILABLE' });
  expect(closed.released.map(({ cycles, failed, leaseHolder, retryDelay }) => [cycles.length, failed.length, leaseHolder, retryDelay])).toEqual([[8, 0, 'me', { seconds: 30n, nanos: 0 }]]);
});

test.each([['COUNT', 0, 1], ['REPORT', 1, 0]] as const)('with failures to %s, a failed run is given back: %i uncounted, %i counted', async (failures, uncounted, counted) => {
  const closed = await close({ count: 3, failing: ['s1'], failures });
  expect([closed.completed, closed.failed]).toEqual([['s0', 's2'], ['s1 PRICE_MISSING']]);
  expect(closed.released.map(({ cycles, failed, leaseHolder }) => [cycles.length, failed.length, leaseHolder])).toEqual([[uncounted, counted, 'me']]);
});
