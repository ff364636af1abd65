/** A cycle that makes every batch it is in break off, as one with too much usage to be counted in time does: its neighbours close. */
import { randomBytes } from 'node:crypto';
import { CallError, commonErrors, createServiceGround, statusOf, timestampFromInstant, type OutgoingContext } from '@valora/chassis';
import { Job } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { BillingCycleState, type BillingCycle } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { parseInstant } from '@valora/rating';
import { expect, test } from 'vitest';
import { jobs } from '../src/job.ts';
import { connectPeers, type Peers } from '../src/peers.ts';

const CUTOFF = timestampFromInstant(parseInstant('2026-02-01T00:00:00Z'));
const CYCLES = 300;
/** By how much real time passes between two turns of an organization whose turn broke off: its lease. */
const TURN_MS = 120_000;

function cycleOf(position: number): BillingCycle {
  return { subscription: `s${position}`, cycleIndex: 1, state: BillingCycleState.CLOSING, tzdataVersion: '', runDigest: '', period: undefined, cutoffTime: CUTOFF };
}

test('a cycle whose runs never end in time holds up no neighbour for ever', async () => {
  const ground = createServiceGround({
    databaseUrl: () => '', serviceTokenKey: randomBytes(32), operatorDigest: randomBytes(32), peerAddress: () => '127.0.0.1:1', poolSizeMax: 1, writeLog: () => {},
  }, 'scheduler');
  const error = commonErrors.UNAVAILABLE();
  const due = new Map(Array.from({ length: CYCLES }, (_, position) => [`s${position}`, { cycle: cycleOf(position), fromMs: 0 }]));
  let nowMs = 0;
  const connected = connectPeers(ground.peer);
  const peers: Peers = {
    ...connected,
    invoices: {
      ...connected.invoices,
      async runBillingCycles(_context, { cycles }) {
        if (cycles.some(({ subscription }) => subscription === 's3')) throw new CallError('/a/call', Object.assign(new Error(error.message), statusOf(error)));
        return { results: cycles.map((cycle) => ({ cycle, result: { $case: 'digest' as const, value: 'd' } })) };
      },
    },
    billingCycles: {
      ...connected.billingCycles,
      claimDueCycles: async (_context, { batchSizeMax }) => ({ cycles: [...due.values()].filter(({ fromMs }) => fromMs <= nowMs).slice(0, batchSizeMax).map(({ cycle }) => cycle) }),
      async completeCycles(_context, { completed }) {
        for (const { cycle } of completed) due.delete(cycle?.subscription ?? '');
        return {};
      },
      async releaseCycles(_context, { cycles, retryDelay }) {
        for (const { subscription } of cycles) {
          const released = due.get(subscription);
          if (released !== undefined) released.fromMs = nowMs + Number(retryDelay?.seconds ?? 0n) * 1_000;
        }
        return {};
      },
    },
  };
  const context: OutgoingContext = { organizationId: 'org_a', caller: { actor: 'test' }, deadlineMs: Date.now() + 60_000, callDepth: 0 };
  for (let turns = 0; turns < 60 && due.size > 1; turns += 1, nowMs += TURN_MS) await jobs[Job.CLOSE_CYCLES].work(peers, context, { failures: 'COUNT', stopped: () => false }).catch(() => {});
  expect([...due.keys()]).toEqual(['s3']);
  ground.closePeers();
});
