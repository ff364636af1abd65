/** Cycles whose runs fail, through the rpcs: tried again later each time, then set aside with their error, in nobody's way. */
import { instantFromTimestamp } from '@valora/chassis';
import { DueWorkKind, type BillingCycle, type SetAsideCycle } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { sha256Hex } from '@valora/rating';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { afterFailure, FAILURES_MAX } from '../src/cycle-failure.ts';
import { as, createCustomer, newRequestId, openSubscriptionLab, refusal, shown, subscribe, type SubscriptionLab } from './subscription-lab.ts';

let lab: SubscriptionLab;
beforeAll(async () => { lab = await openSubscriptionLab(); });
afterAll(() => lab.close());

const LEASE = { seconds: 600n, nanos: 0 };

async function opened(organizationId: string, ...references: readonly string[]): Promise<void> {
  await createCustomer(lab, organizationId, 'one');
  for (const reference of references) await subscribe(lab, organizationId, { reference, customer: 'one', plan: 'fees', start: '2025-11-20T00:00:00Z' });
  await lab.cycles.openDueCycles(as(organizationId), { batchSizeMax: 1_000 });
}

async function claimCycles(organizationId: string, withoutRetryDelay = false, leaseHolder?: string): Promise<readonly BillingCycle[]> {
  return (await lab.cycles.claimDueCycles(as(organizationId), { batchSizeMax: 1_000, leaseDuration: LEASE, withoutRetryDelay, leaseHolder })).cycles;
}

const claim = async (organizationId: string, withoutRetryDelay = false, leaseHolder?: string): Promise<string> => names(await claimCycles(organizationId, withoutRetryDelay, leaseHolder));

function names(cycles: readonly Pick<BillingCycle, 'subscription' | 'cycleIndex'>[]): string {
  return cycles.map(({ subscription, cycleIndex }) => `${subscription}/${cycleIndex}`).join(' ');
}

async function fail(organizationId: string, subscription: string, { reason = 'PRICE_MISSING', others = [], leaseHolder }: { reason?: string; others?: readonly BillingCycle[]; leaseHolder?: string } = {}): Promise<void> {
  const cycles = others.map((other) => ({ subscription: other.subscription, cycleIndex: other.cycleIndex }));
  await lab.cycles.releaseCycles(as(organizationId), { cycles, retryDelay: undefined, failed: [{ cycle: { subscription, cycleIndex: 1 }, reason, message: 'There is no such price.' }], leaseHolder });
}

async function complete(organizationId: string, subscription: string, cycleIndex = 1): Promise<void> {
  await lab.cycles.completeCycles(as(organizationId), { completed: [{ cycle: { subscription, cycleIndex }, runDigest: sha256Hex('a run') }] });
}

/** Lets every retry delay and lease of the organization be over. */
async function wait(organizationId: string): Promise<void> {
  await lab.asOwner(`update subscription.billing_cycle set lease_end_time = 0 where organization_id = '${organizationId}' and state = 'CLOSING' and not set_aside`);
}

async function failUntilSetAside(organizationId: string, subscription: string): Promise<void> {
  for (let failures = 1; failures <= FAILURES_MAX; failures += 1) {
    const claimed = await claimCycles(organizationId);
    expect(names(claimed)).toContain(`${subscription}/1`);
    await fail(organizationId, subscription, { others: claimed.filter((other) => other.subscription !== subscription) });
    await wait(organizationId);
  }
}

async function setAside(organizationId: string, pageSize = 0, pageToken = ''): Promise<{ readonly cycles: readonly SetAsideCycle[]; readonly nextPageToken: string }> {
  return await lab.cycles.listSetAsideCycles(as(organizationId), { pageSize, pageToken });
}

const asideNames = ({ cycles }: { readonly cycles: readonly SetAsideCycle[] }): string => names(cycles.flatMap(({ cycle }) => (cycle === undefined ? [] : [cycle])));
const retry = (organizationId: string, subscription: string, requestId = newRequestId()) => lab.cycles.retryCycle(as(organizationId), { requestId, cycle: { subscription, cycleIndex: 1 } });
const claimOrganizations = async (): Promise<readonly string[]> =>
  (await lab.dueWork.claimOrganizations(as(''), { kind: DueWorkKind.CLOSE_CYCLES, batchSizeMax: 1_000, leaseDuration: LEASE })).organizationIds;
const release = (organizationId: string) => lab.dueWork.releaseOrganization(as(organizationId), { kind: DueWorkKind.CLOSE_CYCLES });

test.each([[1, '30 s'], [2, '60 s'], [3, '120 s'], [7, '1920 s'], [8, '3600 s'], [9, '3600 s'], [10, 'SET_ASIDE'], [11, 'SET_ASIDE']])('failure %i → %s', (failures, then) => {
  const after = afterFailure(failures, { sandbox: false });
  expect(after.kind === 'SET_ASIDE' ? after.kind : `${after.delayMicros / 1_000_000n} s`).toBe(then);
});

test.each([[1, false, '0 s'], [9, false, '0 s'], [10, false, 'SET_ASIDE'], [9, true, '0 s'], [10, true, '3600 s']])('expired lease %i, in a sandbox: %s → %s', (failures, sandbox, then) => {
  const after = afterFailure(failures, { sandbox, reason: 'LEASE_EXPIRED' });
  expect(after.kind === 'SET_ASIDE' ? after.kind : `${after.delayMicros / 1_000_000n} s`).toBe(then);
});

test('in a sandbox failure 10, 11 and 1,000 → 3600 s, and none is set aside', () => {
  expect([10, 11, 1_000].map((failures) => afterFailure(failures, { sandbox: true }))).toEqual(
    Array.from({ length: 3 }, () => ({ kind: 'RETRY', delayMicros: 3_600_000_000n })));
});

test('a failed cycle is given out again after its delay, not before, save to who asks without', async () => {
  await opened('org_real_delay', 's');
  expect(await claim('org_real_delay')).toBe('s/1');
  expect(await claim('org_real_delay', true)).toBe(''); // somebody works on it
  await fail('org_real_delay', 's');
  expect(await claim('org_real_delay')).toBe('');
  expect(await claim('org_real_delay', true)).toBe('s/1');
  await fail('org_real_delay', 's');
  await wait('org_real_delay');
  expect(await claim('org_real_delay')).toBe('s/1');
});

test('after the 10th failure it is set aside and listed with its error; its neighbours close, and due work does not come back for it', async () => {
  await opened('org_real_aside', 'bad', 'good', 'worse');
  for (const subscription of ['bad', 'worse']) await failUntilSetAside('org_real_aside', subscription);
  expect(await claim('org_real_aside')).toBe('good/1');
  await complete('org_real_aside', 'good');
  expect([await claim('org_real_aside'), await claim('org_real_aside', true)]).toEqual(['good/2', '']);
  // The good one goes on through every month that is over.
  let index = 2;
  do await complete('org_real_aside', 'good', index++);
  while ((await claim('org_real_aside')) !== '');

  const first = await setAside('org_real_aside', 1);
  expect(first.cycles.map(({ failureCount, reason, message }) => [failureCount, reason, message])).toEqual([[10, 'PRICE_MISSING', 'There is no such price.']]);
  const { failureTime } = first.cycles[0] ?? {};
  expect(failureTime !== undefined && instantFromTimestamp(failureTime) > 0n).toBe(true);
  expect([asideNames(first), asideNames(await setAside('org_real_aside', 1, first.nextPageToken)), asideNames(await setAside('org_real_other'))]).toEqual(['bad/1', 'worse/1', '']);

  await claimOrganizations();
  await release('org_real_aside');
  await lab.asOwner(`delete from subscription.due_work where organization_id = 'org_real_aside' and kind = 'OPEN_CYCLES'`);
  const due = (await lab.dueWork.getNextDueTime(as('org_real_aside'), {})).dueTime;
  expect(due === undefined || instantFromTimestamp(due) > BigInt(Date.now()) * 1_000n, shown(due)).toBe(true); // the good one's next cutoff
  expect(await claimOrganizations()).not.toContain('org_real_aside');
  await fail('org_real_aside', 'bad', { reason: 'LATE' }); // a slow worker's failure changes nothing
  expect((await setAside('org_real_aside')).cycles[0]).toMatchObject({ failureCount: 10, reason: 'PRICE_MISSING' });
});

test('RetryCycle puts it back at once, its failures counted from 0, and makes it due; twice with one request_id is once', async () => {
  await opened('org_real_retry', 'bad');
  await failUntilSetAside('org_real_retry', 'bad');
  await claimOrganizations();
  await release('org_real_retry');
  expect(await claimOrganizations()).not.toContain('org_real_retry');
  const requestId = newRequestId();
  await retry('org_real_retry', 'bad', requestId);
  expect(await claimOrganizations()).toContain('org_real_retry');
  expect(asideNames(await setAside('org_real_retry'))).toBe('');
  await failUntilSetAside('org_real_retry', 'bad');
  await retry('org_real_retry', 'bad', requestId);
  expect(asideNames(await setAside('org_real_retry'))).toBe('bad/1');
  await retry('org_real_retry', 'bad');
  expect(await claim('org_real_retry')).toBe('bad/1');
  await complete('org_real_retry', 'bad');
  expect(await claim('org_real_retry')).toBe('bad/2');
});

test("what a late worker says of a cycle that another holds by now counts for nothing, nor does what is said twice", async () => {
  await opened('org_real_late', 's');
  expect(await claim('org_real_late', false, 'first')).toBe('s/1');
  await wait('org_real_late');
  expect(await claim('org_real_late', false, 'second')).toBe('s/1');
  await fail('org_real_late', 's', { leaseHolder: 'first' });
  await fail('org_real_late', 's');
  await lab.cycles.releaseCycles(as('org_real_late'), { cycles: [{ subscription: 's', cycleIndex: 1 }], retryDelay: undefined, failed: [], leaseHolder: 'first' });
  expect(await claim('org_real_late', true)).toBe(''); // the second one still holds it
  // The lease that ended was counted, then the second one's failure once: one more of each would make ten too early.
  await fail('org_real_late', 's', { leaseHolder: 'second' });
  await fail('org_real_late', 's', { leaseHolder: 'second' });
  for (let failures = 3; failures <= FAILURES_MAX; failures += 1) {
    expect(asideNames(await setAside('org_real_late'))).toBe('');
    expect(await claim('org_real_late', true)).toBe('s/1');
    await fail('org_real_late', 's');
  }
  expect(asideNames(await setAside('org_real_late'))).toBe('s/1');
});

test('a cycle whose takers die is given out alone, after its neighbours, and set aside after the 10th; they close', async () => {
  await opened('org_real_dies', 'a', 'killer', 'z');
  expect(await claim('org_real_dies')).toBe('a/1 killer/1 z/1');
  await wait('org_real_dies');
  for (let deaths = 1; deaths < FAILURES_MAX; deaths += 1) {
    // Whoever takes it dies. Its neighbours come one by one and are completed, with their later months.
    for (let cycles = await claimCycles('org_real_dies'); !names(cycles).includes('killer/1'); cycles = await claimCycles('org_real_dies')) {
      expect(cycles.length).toBeGreaterThan(0);
      await Promise.all(cycles.map(({ subscription, cycleIndex }) => complete('org_real_dies', subscription, cycleIndex)));
    }
    expect(asideNames(await setAside('org_real_dies'))).toBe('');
    await wait('org_real_dies');
  }
  // Not claimed once more: found to be the 10th, and set aside.
  expect(await claim('org_real_dies')).toBe('');
  const { cycles } = await setAside('org_real_dies');
  expect(cycles.map(({ cycle, failureCount, reason }) => [cycle?.subscription, failureCount, reason])).toEqual([['killer', 10, 'LEASE_EXPIRED']]);
});

test('in a sandbox a cycle whose takers die is not set aside, and waits an hour after the 10th', async () => {
  await opened('org_sandbox_dies', 'killer');
  await lab.setClock('org_sandbox_dies', '2026-01-16T00:00:00Z');
  for (let deaths = 1; deaths <= FAILURES_MAX; deaths += 1) {
    expect(await claim('org_sandbox_dies')).toBe('killer/1');
    await wait('org_sandbox_dies');
  }
  expect([await claim('org_sandbox_dies'), asideNames(await setAside('org_sandbox_dies'))]).toEqual(['', '']);
  await wait('org_sandbox_dies');
  expect(await claim('org_sandbox_dies')).toBe('killer/1');
});

/** What the audit log says last, and whether the transaction that wrote it is the one that wrote the cycle. */
async function lastAudited(organizationId: string): Promise<object | undefined> {
  const rows = await lab.asOwner(
    `select audit.subject, audit.action, audit.change, audit.xmin = cycle.xmin as "withTheCycle"
     from subscription.audit_record audit, subscription.billing_cycle cycle
     where audit.organization_id = '${organizationId}' and cycle.organization_id = audit.organization_id and cycle.subscription_reference = 's' and cycle.cycle_index = 1
     order by audit.sequence desc limit 1`);
  return rows[0];
}

test('setting aside after a failure, or after an expired lease, and putting back each write an audit record in the same transaction', async () => {
  await opened('org_real_audit', 's');
  await failUntilSetAside('org_real_audit', 's');
  const subject = 'billing cycle s/1';
  const service = '/valora.subscription.v1.BillingCycleService';
  expect(await lastAudited('org_real_audit')).toEqual({ subject, action: `${service}/ReleaseCycles`, change: '{"reason":"PRICE_MISSING","set_aside":true}', withTheCycle: true });
  await retry('org_real_audit', 's');
  expect(await lastAudited('org_real_audit')).toMatchObject({ action: `${service}/RetryCycle`, withTheCycle: true });
  for (let deaths = 1; deaths <= FAILURES_MAX; deaths += 1) {
    expect(await claim('org_real_audit')).toBe('s/1');
    await wait('org_real_audit');
  }
  expect(await claim('org_real_audit')).toBe('');
  expect(await lastAudited('org_real_audit')).toEqual({ subject, action: `${service}/ClaimDueCycles`, change: '{"reason":"LEASE_EXPIRED","set_aside":true}', withTheCycle: true });
});

test('RetryCycle refuses a cycle that is not set aside, and an absent one', async () => {
  await opened('org_real_refuse', 's');
  expect(await refusal(retry('org_real_refuse', 's'))).toMatchObject({ reason: 'CYCLE_NOT_SET_ASIDE', metadata: { subscription: 's', cycle_index: '1' } });
  expect((await refusal(retry('org_real_refuse', 'absent'))).reason).toBe('NOT_FOUND');
});

test('ReleaseCycles refuses a reason that is none, a message beyond its length, and a cycle named twice', async () => {
  const cycle = { subscription: 's', cycleIndex: 1 };
  const refused = await refusal(lab.cycles.releaseCycles(as('org_real_refuse'), { cycles: [cycle], retryDelay: undefined, failed: [{ cycle, reason: 'no reason', message: 'x'.repeat(1_001) }] }));
  expect(refused.fieldViolations?.map(({ field }) => field)).toEqual(['failed[0].reason', 'failed[0].message', 'cycles']);
});
