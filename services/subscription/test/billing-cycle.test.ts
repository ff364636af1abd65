/** Billing cycles, through the rpcs: opened once, claimed by one at a time and in order, completed once. */
import { pageToken } from '@valora/chassis';
import { BillingCycleState, DueWorkKind, type BillingCycle } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { formatInstant, sha256Hex } from '@valora/rating';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { as, at, createCustomer, line, openSubscriptionLab, refusal, settings, shown, subscribe, type SubscriptionLab } from './subscription-lab.ts';

let lab: SubscriptionLab;
beforeAll(async () => { lab = await openSubscriptionLab(); });
afterAll(() => lab.close());

const DIGEST = sha256Hex('a run');
const LEASE = { seconds: 600n, nanos: 0 };

async function subscribed(organizationId: string, ...subscriptions: readonly (readonly [reference: string, start: string])[]): Promise<void> {
  await createCustomer(lab, organizationId, 'one');
  for (const [reference, start] of subscriptions) await subscribe(lab, organizationId, { reference, customer: 'one', plan: 'fees', start });
}

async function open(organizationId: string, batchSizeMax = 1_000): Promise<number> {
  return (await lab.cycles.openDueCycles(as(organizationId), { batchSizeMax })).openedCount;
}

async function claim(organizationId: string, batchSizeMax = 1_000): Promise<readonly BillingCycle[]> {
  return (await lab.cycles.claimDueCycles(as(organizationId), { batchSizeMax, leaseDuration: LEASE, withoutRetryDelay: false })).cycles;
}

async function complete(organizationId: string, cycles: readonly Pick<BillingCycle, 'subscription' | 'cycleIndex'>[], runDigest = DIGEST): Promise<void> {
  const completed = cycles.map(({ subscription, cycleIndex }) => ({ cycle: { subscription, cycleIndex }, runDigest }));
  await lab.cycles.completeCycles(as(organizationId), { completed });
}

async function cyclesOf(organizationId: string, subscription: string): Promise<readonly BillingCycle[]> {
  return (await lab.cycles.listBillingCycles(as(organizationId), { subscription, pageSize: 0, pageToken: '' })).cycles;
}

function names(cycles: readonly BillingCycle[]): string {
  return cycles.map(({ subscription, cycleIndex }) => `${subscription}/${cycleIndex}`).join(' ');
}

describe('OpenDueCycles', () => {
  test('opens what is due, once, and the next when the clock reaches it', async () => {
    await subscribed('org_open', ['s', '2026-01-31T00:00:00Z']);
    expect(await open('org_open')).toBe(0);
    await lab.setClock('org_open', '2026-01-31T00:00:00Z');
    expect([await open('org_open'), await open('org_open')]).toEqual([1, 0]);
    await lab.setClock('org_open', '2026-03-31T00:00:00Z');
    expect([await open('org_open'), await open('org_open')]).toEqual([2, 0]);
    // In Berlin the anchor stands at 01:00 on the 31st; summer time begins on 29 March.
    expect((await cyclesOf('org_open', 's')).map(line)).toEqual([
      's 1: [2026-01-31, 2026-02-28) cutoff 2026-02-28',
      's 2: [2026-02-28, 2026-03-30T23:00:00Z) cutoff 2026-03-30T23:00:00Z',
      's 3: [2026-03-30T23:00:00Z, 2026-04-29T23:00:00Z) cutoff 2026-04-29T23:00:00Z',
    ]);
    expect((await cyclesOf('org_open', 's')).map(({ state, tzdataVersion, runDigest }) => [state, tzdataVersion, runDigest])).toEqual(
      Array.from({ length: 3 }, () => [BillingCycleState.OPEN, '2026a', '']));
  });

  test('of a back-dated start opens all missed periods in one call, after sealing tenancy through the last start', async () => {
    await subscribed('org_back', ['s', '2024-02-01T00:00:00Z']);
    lab.sealed.length = 0;
    expect(await open('org_back')).toBe(24);
    expect(lab.sealed.map(formatInstant)).toEqual(['2026-01-01T00:00:00Z']);
    const cycles = await cyclesOf('org_back', 's');
    expect(cycles.map(({ cycleIndex }) => cycleIndex)).toEqual(Array.from({ length: 24 }, (_, index) => index + 1));
    expect(cycles.slice(1).map(({ period }) => period?.startTime)).toEqual(cycles.slice(0, -1).map(({ period }) => period?.endTime));
  });

  test('goes by the grace known at the start of each cycle', async () => {
    await subscribed('org_grace', ['s', '2026-02-01T00:00:00Z']);
    lab.settings = [settings('2020-01-01T00:00:00Z', 0n), settings('2026-02-15T00:00:00Z', 3_600_000_000n)];
    await lab.setClock('org_grace', '2026-03-01T00:00:00Z');
    await open('org_grace');
    lab.settings = [settings('2020-01-01T00:00:00Z')];
    expect((await cyclesOf('org_grace', 's')).map(line)).toEqual([
      's 1: [2026-02-01, 2026-03-01) cutoff 2026-03-01', 's 2: [2026-03-01, 2026-03-31T23:00:00Z) cutoff 2026-04-01',
    ]);
  });

  test('opens no more than it was asked for, and nothing twice, however many openers there are', async () => {
    const references = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    await subscribed('org_many', ...references.map((reference) => [reference, '2025-10-01T00:00:00Z'] as const));
    expect(await open('org_many', 5)).toBe(5);
    const counts = await Promise.all(Array.from({ length: 6 }, () => open('org_many', 7)));
    expect(Math.max(...counts)).toBeLessThanOrEqual(7);
    const rest = await open('org_many');
    expect(5 + counts.reduce((sum, count) => sum + count, 0) + rest).toBe(8 * 4);
    for (const reference of references) {
      const cycles = await cyclesOf('org_many', reference);
      expect(cycles.map(({ cycleIndex }) => cycleIndex)).toEqual([1, 2, 3, 4]);
      expect(cycles.slice(1).map(({ period }) => period?.startTime)).toEqual(cycles.slice(0, -1).map(({ period }) => period?.endTime));
    }
  });

  test('has nothing to do for an organization that never recorded anything', async () => {
    expect([await open('org_unheard'), names(await claim('org_unheard'))]).toEqual([0, '']);
  });
});

describe('ClaimDueCycles', () => {
  test('gives out cycles from their cutoff on, by cutoff, and each only after the one before it is closed', async () => {
    await subscribed('org_claim', ['b', '2026-01-20T00:00:00Z'], ['a', '2026-01-20T00:00:00Z'], ['c', '2026-01-16T00:00:00Z']);
    await lab.setClock('org_claim', '2026-02-15T23:59:59.999999Z');
    await open('org_claim');
    expect(names(await claim('org_claim'))).toBe('');
    await lab.setClock('org_claim', '2026-03-20T00:00:00Z');
    await open('org_claim');
    expect(names(await claim('org_claim', 1))).toBe('c/1');
    const claimed = await claim('org_claim');
    expect(names(claimed)).toBe('a/1 b/1');
    expect(claimed.map(({ state }) => state)).toEqual([BillingCycleState.CLOSING, BillingCycleState.CLOSING]);
    expect(names(await claim('org_claim'))).toBe('');
    await complete('org_claim', claimed);
    expect(names(await claim('org_claim'))).toBe('a/2 b/2');
  });

  test('a cycle whose lease ended is given out again, and either taker may complete it', async () => {
    await subscribed('org_lease', ['s', '2025-12-01T00:00:00Z']);
    await open('org_lease');
    await lab.setClock('org_lease', '2026-01-15T00:00:01Z');
    expect(names(await claim('org_lease'))).toBe('s/1');
    expect(names(await claim('org_lease'))).toBe('');
    await lab.asOwner(`update subscription.billing_cycle set lease_end_time = 0 where organization_id = 'org_lease' and state = 'CLOSING'`);
    expect(names(await claim('org_lease'))).toBe('s/1');
    await complete('org_lease', [{ subscription: 's', cycleIndex: 1 }]);
    await complete('org_lease', [{ subscription: 's', cycleIndex: 1 }]);
    expect((await cyclesOf('org_lease', 's')).map(({ state, runDigest }) => [state, runDigest])).toEqual([[BillingCycleState.CLOSED, DIGEST], [BillingCycleState.OPEN, '']]);
  });

  test('four claimers at once, some of them dying, close every cycle in order and none twice at a time', async () => {
    const references = Array.from({ length: 12 }, (_, index) => `s${index}`);
    await subscribed('org_four', ...references.map((reference) => [reference, '2025-07-01T00:00:00Z'] as const));
    await open('org_four');
    await lab.setClock('org_four', '2026-01-16T00:00:00Z');
    const closed: string[] = [];
    const held = new Set<string>();
    const lastClosed = new Map<string, number>();

    async function work(claimer: number): Promise<void> {
      let idle = 0;
      for (let round = 0; idle < 3; round += 1) {
        const cycles = await claim('org_four', 3);
        idle = cycles.length === 0 ? idle + 1 : 0;
        for (const { subscription, cycleIndex } of cycles) {
          expect(held.has(subscription)).toBe(false);
          held.add(subscription);
          expect(cycleIndex).toBe((lastClosed.get(subscription) ?? 0) + 1);
        }
        if ((round + claimer) % 5 === 0 && cycles.length > 0) {
          for (const { subscription } of cycles) held.delete(subscription);
          const dead = cycles.map(({ subscription }) => `'${subscription}'`).join(', ');
          await lab.asOwner(`update subscription.billing_cycle set lease_end_time = 0 where organization_id = 'org_four' and state = 'CLOSING' and subscription_reference in (${dead})`);
          continue;
        }
        for (const { subscription, cycleIndex } of cycles) {
          closed.push(`${subscription}/${cycleIndex}`);
          lastClosed.set(subscription, cycleIndex);
          held.delete(subscription);
        }
        if (cycles.length > 0) await complete('org_four', cycles);
      }
    }

    await Promise.all([0, 1, 2, 3].map(work));
    // Six whole months have passed; the seventh cycle's cutoff lies ahead.
    expect(closed.toSorted()).toEqual(references.flatMap((reference) => [1, 2, 3, 4, 5, 6].map((index) => `${reference}/${index}`)).toSorted());
  });
});

describe('CompleteCycles', () => {
  test('refuses another digest, an unclaimed cycle, an absent one and a malformed request, and then completes none', async () => {
    await subscribed('org_complete', ['s', '2025-11-20T00:00:00Z'], ['t', '2025-11-20T00:00:00Z']);
    await open('org_complete');
    await lab.setClock('org_complete', '2026-01-16T00:00:00Z');
    await claim('org_complete');
    await complete('org_complete', [{ subscription: 's', cycleIndex: 1 }]);
    const other = sha256Hex('another run');
    const both = [{ subscription: 't', cycleIndex: 1 }, { subscription: 's', cycleIndex: 1 }];
    expect(await refusal(complete('org_complete', both, other))).toMatchObject({
      reason: 'RUN_DIGEST_MISMATCH', metadata: { subscription: 's', cycle_index: '1', stored_digest: DIGEST, run_digest: other },
    });
    const unclaimed = complete('org_complete', [{ subscription: 't', cycleIndex: 1 }, { subscription: 't', cycleIndex: 2 }]);
    expect(await refusal(unclaimed)).toMatchObject({ reason: 'CYCLE_NOT_CLAIMED', metadata: { cycle_index: '2' } });
    expect(await refusal(complete('org_complete', [{ subscription: 't', cycleIndex: 9 }]))).toMatchObject({ reason: 'NOT_FOUND', metadata: { name: 't 9' } });
    expect((await refusal(complete('org_complete', [{ subscription: 't', cycleIndex: 0 }], 'no digest'))).fieldViolations?.map(({ field }) => field)).toEqual([
      'completed[0].cycle.cycle_index', 'completed[0].run_digest',
    ]);
    expect((await refusal(complete('org_complete', [both[0] ?? { subscription: '', cycleIndex: 0 }, ...both]))).fieldViolations?.map(({ field }) => field)).toEqual(['completed[1].cycle']);
    expect((await cyclesOf('org_complete', 't'))[0]?.state).toBe(BillingCycleState.CLOSING);
  });
});

describe('BatchGetBillingFacts', () => {
  test('answers, for each cycle in request order, the subscription, its facts, and cycles 1 to its own', async () => {
    await subscribed('org_facts', ['s', '2025-11-20T00:00:00Z'], ['t', '2025-12-20T00:00:00Z']);
    await open('org_facts');
    const cycles = [{ subscription: 't', cycleIndex: 1 }, { subscription: 's', cycleIndex: 2 }, { subscription: 's', cycleIndex: 1 }];
    const { billingFacts } = await lab.cycles.batchGetBillingFacts(as('org_facts'), { cycles });
    expect(billingFacts.map((facts) => [facts.subscription?.reference, names(facts.cycles)])).toEqual([['t', 't/1'], ['s', 's/1 s/2'], ['s', 's/1']]);
    expect(billingFacts[1]?.subscription).toEqual((await lab.subscriptions.getSubscription(as('org_facts'), { reference: 's' })).subscription);
    expect(billingFacts[1]?.facts).toEqual([{
      sequence: 1, effectiveTime: at('2025-11-20T00:00:00Z'), recordedTime: at('2026-01-15T00:00:00Z'),
      fact: { $case: 'started', value: { items: [{ item: 'fee', price: 'fee', quantity: '1', meter: '' }] } },
    }]);
    const absent = [['org_facts', { subscription: 's', cycleIndex: 3 }], ['org_facts', { subscription: 'u', cycleIndex: 1 }], ['org_stranger', { subscription: 's', cycleIndex: 1 }]] as const;
    for (const [organizationId, cycle] of absent) {
      expect((await refusal(lab.cycles.batchGetBillingFacts(as(organizationId), { cycles: [cycle] }))).reason).toBe('NOT_FOUND');
    }
  });
});

test('cycles are listed page by page; an absent subscription is NOT_FOUND and a token of another list is refused', async () => {
  await subscribed('org_pages', ['s', '2025-10-20T00:00:00Z']);
  await open('org_pages');
  const list = (subscription: string, token = '') => lab.cycles.listBillingCycles(as('org_pages'), { subscription, pageSize: 2, pageToken: token });
  const first = await list('s');
  expect([names(first.cycles), names((await list('s', first.nextPageToken)).cycles)]).toEqual(['s/1 s/2', 's/3']);
  expect((await refusal(list('absent'))).reason).toBe('NOT_FOUND');
  expect((await refusal(list('s', pageToken(['a customer'])))).metadata).toMatchObject({ field: 'page_token' });
});

test('boundaries, cutoff and a run digest can be changed by nobody, not even the owner', async () => {
  await subscribed('org_fixed', ['s', '2025-11-20T00:00:00Z']);
  await open('org_fixed');
  await lab.setClock('org_fixed', '2026-01-16T00:00:00Z');
  await complete('org_fixed', await claim('org_fixed'));
  const where = `where organization_id = 'org_fixed' and cycle_index = 1`;
  for (const change of ['start_time = 0', 'end_time = end_time + 1', 'cutoff_time = cutoff_time + 1', `tzdata_version = '2030a'`, 'cycle_index = 7', `run_digest = 'x'`]) {
    await expect(lab.asOwner(`update subscription.billing_cycle set ${change} ${where}`)).rejects.toThrow('never changed or removed');
  }
  await expect(lab.asOwner(`delete from subscription.billing_cycle ${where}`)).rejects.toThrow('never changed or removed');
});

describe('due work', () => {
  const due = async (organizationId: string): Promise<string> => shown((await lab.dueWork.getNextDueTime(as(organizationId), {})).dueTime);
  const release = (organizationId: string, kind: DueWorkKind) => lab.dueWork.releaseOrganization(as(organizationId), { kind });
  const claimOrganizations = async (kind: DueWorkKind): Promise<readonly string[]> =>
    (await lab.dueWork.claimOrganizations(as(''), { kind, batchSizeMax: 1_000, leaseDuration: LEASE })).organizationIds;

  test('follows a sandbox from opening to closing and to the next opening', async () => {
    await subscribed('org_due', ['s', '2026-02-01T00:00:00Z']);
    expect(await claimOrganizations(DueWorkKind.OPEN_CYCLES)).not.toContain('org_due');
    await lab.setClock('org_due', '2026-02-01T00:00:00Z');
    expect(await claimOrganizations(DueWorkKind.OPEN_CYCLES)).toContain('org_due');
    expect(await claimOrganizations(DueWorkKind.OPEN_CYCLES)).not.toContain('org_due');
    await open('org_due');
    await release('org_due', DueWorkKind.OPEN_CYCLES);
    expect(await due('org_due')).toBe('2026-03-01T00:00:00Z'); // both the next start and the first cutoff
    await lab.setClock('org_due', '2026-03-01T00:00:00Z');
    await open('org_due');
    await release('org_due', DueWorkKind.OPEN_CYCLES);
    expect(await claimOrganizations(DueWorkKind.CLOSE_CYCLES)).toContain('org_due');
    const cycles = await claim('org_due');
    await release('org_due', DueWorkKind.CLOSE_CYCLES);
    expect(await due('org_due')).toBe('2026-03-01T00:00:00Z'); // claimed and not complete: still due
    await complete('org_due', cycles);
    await release('org_due', DueWorkKind.CLOSE_CYCLES);
    expect(await due('org_due')).toBe('2026-03-31T23:00:00Z'); // in Berlin, 1 April at 01:00 summer time
  });

  test("outside sandboxes a claimed cycle is due again at its lease's end", async () => {
    await subscribed('org_real', ['s', '2025-01-01T00:00:00Z']);
    await open('org_real');
    expect(names(await claim('org_real'))).toBe('s/1');
    await lab.asOwner(`update subscription.billing_cycle set lease_end_time = 4102444800000000 where organization_id = 'org_real' and state = 'CLOSING'`);
    await release('org_real', DueWorkKind.CLOSE_CYCLES);
    await lab.asOwner(`delete from subscription.due_work where organization_id = 'org_real' and kind = 'OPEN_CYCLES'`);
    expect(await due('org_real')).toBe('2100-01-01T00:00:00Z'); // cycle 2, due long ago, waits for it
  });

  test.each([
    ['no kind', { kind: DueWorkKind.UNSPECIFIED }, 'kind'],
    ['no organization', { batchSizeMax: 0 }, 'batch_size_max'],
    ['a lease below a second', { leaseDuration: { seconds: 0n, nanos: 999_999_000 } }, 'lease_duration'],
    ['a lease above ten minutes', { leaseDuration: { seconds: 600n, nanos: 1_000 } }, 'lease_duration'],
  ])('%s is refused', async (_title, wrong, field) => {
    const call = lab.dueWork.claimOrganizations(as(''), { kind: DueWorkKind.OPEN_CYCLES, batchSizeMax: 1, leaseDuration: LEASE, ...wrong });
    expect(await refusal(call)).toMatchObject({ reason: 'FIELD_INVALID', metadata: { field } });
  });
});
