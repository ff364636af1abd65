/** Ending subscriptions, through the rpcs: what it does to state, cycles and cutoffs, and what is refused. */
import { setTimeout as delay } from 'node:timers/promises';
import { DueWorkKind } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { CancelTiming } from '@valora/contracts/valora/subscription/v1/subscription';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { oneSubscription } from './one-subscription.ts';
import { as, at, cancel, createCustomer, newRequestId, openSubscriptionLab, refusal, settings, shown, type SubscriptionLab } from './subscription-lab.ts';

let lab: SubscriptionLab;
beforeAll(async () => { lab = await openSubscriptionLab(); });
afterAll(() => lab.close());

const { furnished, open, cycles, claimed, stands, atPeriodEnd, uncancel, settle } = oneSubscription(() => lab);

describe('a cancel', () => {
  test('now ends the cycle that is running, and no other opens', async () => {
    const organizationId = await furnished();
    expect(await open(organizationId)).toEqual(['s 1: [2026-01-01, 2026-02-01) cutoff 2026-02-01']);
    await cancel(lab, organizationId, 's');
    expect(await stands(organizationId)).toEqual(['CANCELED', '2026-01-15T00:00:00Z']);
    expect(await cycles(organizationId)).toEqual(['s 1: [2026-01-01, 2026-02-01) cutoff 2026-01-15T00:00:00.000001Z']);
    await lab.setClock(organizationId, '2026-04-01T00:00:00Z');
    expect(await open(organizationId)).toHaveLength(1);
  });

  test('at the period end leaves the cutoff, and no other cycle opens', async () => {
    const organizationId = await furnished();
    await open(organizationId);
    await atPeriodEnd(organizationId);
    expect(await stands(organizationId)).toEqual(['ACTIVE', '2026-02-01T00:00:00Z']);
    await lab.setClock(organizationId, '2026-02-01T00:00:00Z');
    expect(await open(organizationId)).toEqual(['s 1: [2026-01-01, 2026-02-01) cutoff 2026-02-01']);
    expect(await stands(organizationId)).toEqual(['CANCELED', '2026-02-01T00:00:00Z']);
  });

  test.each<[title: string, start: string, opened: boolean, end: string]>([
    ['of the cycle that is open', '2026-01-01T00:00:00Z', true, '2026-02-01T00:00:00Z'],
    ['of the period that is running, though no cycle is opened yet', '2025-10-31T00:00:00Z', false, '2026-01-31T00:00:00Z'],
    ['at a boundary, of the period that begins there', '2025-12-15T00:00:00Z', false, '2026-02-15T00:00:00Z'],
    ['before the start, of the first period', '2026-03-10T00:00:00Z', true, '2026-04-10T00:00:00Z'],
  ])('at the period end: %s', async (_title, start, opened, end) => {
    const organizationId = await furnished({ start });
    if (opened) await open(organizationId);
    await atPeriodEnd(organizationId);
    expect((await stands(organizationId))[1]).toBe(end);
  });

  test('at the period end after a hundred years of missed days is found without walking through them', async () => {
    const organizationId = await furnished({ start: '1926-02-01T12:00:00Z', plan: 'daily' });
    const begun = performance.now();
    await atPeriodEnd(organizationId);
    expect(performance.now() - begun).toBeLessThan(2_000);
    expect((await stands(organizationId))[1]).toBe('2026-01-15T12:00:00Z');
  });

  test('at the period end is the last one also when several cycles are opened late and at once', async () => {
    const organizationId = await furnished({ start: '2025-12-01T00:00:00Z' });
    await atPeriodEnd(organizationId);
    await lab.setClock(organizationId, '2026-04-01T00:00:00Z');
    expect(await open(organizationId)).toEqual(['s 1: [2025-12-01, 2026-01-01) cutoff 2026-01-15T00:00:00.000001Z', 's 2: [2026-01-01, 2026-02-01) cutoff 2026-02-01']);
  });

  test('in a later period shortens that one when it is opened, by the grace known at its start', async () => {
    const organizationId = await furnished();
    await open(organizationId);
    await cancel(lab, organizationId, 's', '2026-03-10T00:00:00Z');
    lab.settings = [settings('2020-01-01T00:00:00Z'), settings('2026-02-20T00:00:00Z', 3_600_000_000n)];
    await lab.setClock(organizationId, '2026-06-01T00:00:00Z');
    const opened = await open(organizationId);
    lab.settings = [settings('2020-01-01T00:00:00Z')];
    expect(opened).toEqual([
      's 1: [2026-01-01, 2026-02-01) cutoff 2026-02-01', 's 2: [2026-02-01, 2026-03-01) cutoff 2026-03-01', 's 3: [2026-03-01, 2026-04-01) cutoff 2026-03-10T01:00:00Z',
    ]);
  });

  test('never moves a cutoff before the one before it, whose grace may be longer', async () => {
    const organizationId = await furnished({ start: '2025-12-10T00:00:00Z' });
    lab.settings = [settings('2020-01-01T00:00:00Z', 864_000_000_000n), settings('2026-01-01T00:00:00Z')];
    const opened = await open(organizationId);
    lab.settings = [settings('2020-01-01T00:00:00Z')];
    expect(opened).toEqual(['s 1: [2025-12-10, 2026-01-10) cutoff 2026-01-25T00:00:00.000001Z', 's 2: [2026-01-10, 2026-02-10) cutoff 2026-02-10']);
    await cancel(lab, organizationId, 's');
    expect(await cycles(organizationId)).toEqual([opened[0], 's 2: [2026-01-10, 2026-02-10) cutoff 2026-01-25T00:00:00.000001Z']);
  });

  test('in the past lets the cycles stand that have begun: they are credited, not removed', async () => {
    const organizationId = await furnished({ start: '2025-11-01T00:00:00Z' });
    await open(organizationId);
    await cancel(lab, organizationId, 's', '2025-11-20T00:00:00Z');
    expect(await cycles(organizationId)).toEqual([
      's 1: [2025-11-01, 2025-12-01) cutoff 2026-01-15T00:00:00.000001Z', 's 2: [2025-12-01, 2026-01-01) cutoff 2026-01-15T00:00:00.000001Z',
      's 3: [2026-01-01, 2026-02-01) cutoff 2026-01-15T00:00:00.000001Z',
    ]);
  });

  test('before the start ends it for good without a cycle', async () => {
    const organizationId = await furnished({ start: '2026-03-01T00:00:00Z' });
    await cancel(lab, organizationId, 's');
    await lab.setClock(organizationId, '2026-06-01T00:00:00Z');
    expect(await open(organizationId)).toEqual([]);
    expect(await stands(organizationId)).toEqual(['CANCELED', '2026-01-15T00:00:00Z']);
  });

  test('that is still to come is replaced by another, and taken back', async () => {
    const organizationId = await furnished();
    await open(organizationId);
    await cancel(lab, organizationId, 's', '2026-01-20T00:00:00Z');
    expect(await cycles(organizationId)).toEqual(['s 1: [2026-01-01, 2026-02-01) cutoff 2026-01-20']);
    await cancel(lab, organizationId, 's', '2026-01-25T00:00:00Z');
    expect(await cycles(organizationId)).toEqual(['s 1: [2026-01-01, 2026-02-01) cutoff 2026-01-25']);
    await uncancel(organizationId);
    expect(await stands(organizationId)).toEqual(['ACTIVE', 'none']);
    await lab.setClock(organizationId, '2026-02-10T00:00:00Z');
    expect(await open(organizationId)).toEqual(['s 1: [2026-01-01, 2026-02-01) cutoff 2026-02-01', 's 2: [2026-02-01, 2026-03-01) cutoff 2026-03-01']);
  });

  test('taken back and made again while the clock stands counts', async () => {
    const organizationId = await furnished();
    await atPeriodEnd(organizationId);
    await uncancel(organizationId);
    await cancel(lab, organizationId, 's', '2026-02-10T00:00:00Z');
    expect(await stands(organizationId)).toEqual(['ACTIVE', '2026-02-10T00:00:00Z']);
    const { billingFacts } = await (async () => {
      await open(organizationId);
      return await lab.cycles.batchGetBillingFacts(as(organizationId), { cycles: [{ subscription: 's', cycleIndex: 1 }] });
    })();
    expect(billingFacts[0]?.facts.map(({ sequence, fact, effectiveTime }) => [sequence, fact?.$case, shown(effectiveTime)])).toEqual([
      [1, 'started', '2026-01-01T00:00:00Z'], [2, 'canceled', '2026-02-01T00:00:00Z'], [3, 'cancelUndone', '2026-01-15T00:00:00Z'], [4, 'canceled', '2026-02-10T00:00:00Z'],
    ]);
    expect(billingFacts[0]?.facts[1]?.fact).toEqual({ $case: 'canceled', value: { reason: 'moved away' } });
  });

  test('with the same request_id happens once', async () => {
    const organizationId = await furnished();
    const request = { requestId: newRequestId(), reference: 's', timing: CancelTiming.PERIOD_END, reason: '' };
    const first = await lab.subscriptions.cancelSubscription(as(organizationId), request);
    expect(await lab.subscriptions.cancelSubscription(as(organizationId), request)).toEqual(first);
    await open(organizationId);
    const { billingFacts } = await lab.cycles.batchGetBillingFacts(as(organizationId), { cycles: [{ subscription: 's', cycleIndex: 1 }] });
    expect(billingFacts[0]?.facts).toHaveLength(2);
  });

  test('a cutoff that came forward is due at once: the cycle can be claimed', async () => {
    const organizationId = await furnished();
    await open(organizationId);
    await cancel(lab, organizationId, 's', '2026-01-20T00:00:00Z');
    await lab.setClock(organizationId, '2026-01-19T23:59:59.999999Z');
    expect(await claimed(organizationId)).toEqual([]);
    await lab.setClock(organizationId, '2026-01-20T00:00:00Z');
    expect(await claimed(organizationId)).toEqual(['1']);
  });

  test('wakes whoever opens cycles when it is done, as nothing may open afterwards and usage may be late', async () => {
    const organizationId = await furnished();
    await open(organizationId);
    const isDue = async () => (await lab.dueWork.claimOrganizations(as(organizationId), { kind: DueWorkKind.OPEN_CYCLES, batchSizeMax: 1_000, leaseDuration: { seconds: 1n, nanos: 0 } })).organizationIds.includes(organizationId);
    await lab.dueWork.releaseOrganization(as(organizationId), { kind: DueWorkKind.OPEN_CYCLES });
    await cancel(lab, organizationId, 's', '2026-01-20T00:00:00Z');
    await lab.setClock(organizationId, '2026-01-19T23:59:59.999999Z');
    expect(await isDue()).toBe(false);
    await lab.setClock(organizationId, '2026-01-20T00:00:00Z');
    expect(await isDue()).toBe(true);
  });

  test('among sixteen cancels and takings back at once, the cutoff is that of the last fact', async () => {
    for (let round = 0; round < 4; round += 1) {
      const organizationId = await furnished();
      await Promise.all(Array.from({ length: 8 }, (_, index) => [cancel(lab, organizationId, 's', `2026-01-${20 + index}T00:00:00Z`), uncancel(organizationId).catch(() => {}), open(organizationId)]).flat());
      const { billingFacts } = await lab.cycles.batchGetBillingFacts(as(organizationId), { cycles: [{ subscription: 's', cycleIndex: 1 }] });
      const facts = billingFacts[0]?.facts ?? [];
      expect(facts.map(({ sequence }) => sequence)).toEqual(facts.map((_, position) => position + 1));
      const last = facts.at(-1);
      const end = last?.fact?.$case === 'canceled' ? shown(last.effectiveTime) : '2026-02-01T00:00:00Z';
      expect(await cycles(organizationId)).toEqual([`s 1: [2026-01-01, 2026-02-01) cutoff ${end.replace('T00:00:00Z', '')}`]);
    }
  });
});

describe('what is due waits for a cancel that is still on its way', () => {
  test.each([['claiming', claimed], ['opening', open], ['settling', settle]])('%s', async (_title, look) => {
    const organizationId = await furnished();
    // A writer that has its recorded time and has not committed, as CancelSubscription before its end.
    const writing = lab.asOwner(`begin; set local search_path = subscription; select set_config('app.organization', '${organizationId}', true); select take_recorded_time(); select pg_sleep(2); commit`);
    await delay(700);
    const begun = performance.now();
    await look(organizationId);
    expect(performance.now() - begun).toBeGreaterThan(500);
    await writing;
  });
});

describe('operations by state', () => {
  const operations = { CancelSubscription: (organizationId: string) => cancel(lab, organizationId, 's'), UncancelSubscription: uncancel } as const;
  const states = {
    PENDING: () => furnished({ start: '2026-03-01T00:00:00Z' }),
    'PENDING, to be canceled': async () => {
      const organizationId = await furnished({ start: '2026-03-01T00:00:00Z' });
      await atPeriodEnd(organizationId);
      return organizationId;
    },
    ACTIVE: () => furnished(),
    'ACTIVE, to be canceled': async () => {
      const organizationId = await furnished();
      await atPeriodEnd(organizationId);
      return organizationId;
    },
    CANCELED: async () => {
      const organizationId = await furnished();
      await cancel(lab, organizationId, 's');
      return organizationId;
    },
  } as const;

  test.each<[operation: keyof typeof operations, state: keyof typeof states, outcome: string]>([
    ['CancelSubscription', 'PENDING', 'done'],
    ['CancelSubscription', 'PENDING, to be canceled', 'done'],
    ['CancelSubscription', 'ACTIVE', 'done'],
    ['CancelSubscription', 'ACTIVE, to be canceled', 'done'],
    ['CancelSubscription', 'CANCELED', 'WRONG_STATE'],
    ['UncancelSubscription', 'PENDING', 'NOT_CANCELED'],
    ['UncancelSubscription', 'PENDING, to be canceled', 'done'],
    ['UncancelSubscription', 'ACTIVE', 'NOT_CANCELED'],
    ['UncancelSubscription', 'ACTIVE, to be canceled', 'done'],
    ['UncancelSubscription', 'CANCELED', 'WRONG_STATE'],
  ])('%s of one that is %s: %s', async (operation, state, outcome) => {
    const organizationId = await states[state]();
    const before = await stands(organizationId);
    if (outcome === 'done') {
      await operations[operation](organizationId);
      return;
    }
    expect(await refusal(operations[operation](organizationId))).toMatchObject({ reason: outcome, metadata: { subscription: 's', ...(outcome === 'WRONG_STATE' ? { state: 'CANCELED', operation } : {}) } });
    expect(await stands(organizationId)).toEqual(before);
  });

  test.each<[title: string, wrong: object, field: string]>([
    ['no timing', { timing: CancelTiming.UNSPECIFIED }, 'timing'],
    ['an unknown timing', { timing: 99 as CancelTiming }, 'timing'],
    ['AT_TIME without a time', { timing: CancelTiming.AT_TIME }, 'cancel_time'],
    ['a time with NOW', { cancelTime: at('2026-02-01T00:00:00Z') }, 'cancel_time'],
    ['a time before the start', { timing: CancelTiming.AT_TIME, cancelTime: at('2025-12-31T23:59:59.999999Z') }, 'cancel_time'],
    ['a time in 101 years', { timing: CancelTiming.AT_TIME, cancelTime: at('2127-02-01T00:00:00Z') }, 'cancel_time'],
    ['a reason of 257 characters', { reason: 'x'.repeat(257) }, 'reason'],
    ['no reference', { reference: '' }, 'reference'],
    ['no request_id', { requestId: '' }, 'request_id'],
  ])('a cancel with %s is refused and changes nothing', async (_title, wrong, field) => {
    const organizationId = await furnished();
    const request = { requestId: newRequestId(), reference: 's', timing: CancelTiming.NOW, reason: '', ...wrong };
    expect(await refusal(lab.subscriptions.cancelSubscription(as(organizationId), request))).toMatchObject({ reason: 'FIELD_INVALID', metadata: { field } });
    expect(await stands(organizationId)).toEqual(['ACTIVE', 'none']);
  });

  test("another organization's subscription is absent", async () => {
    await furnished();
    const other = await furnished();
    await createCustomer(lab, other, 'two');
    for (const reference of ['nobody']) {
      expect((await refusal(lab.subscriptions.cancelSubscription(as(other), { requestId: newRequestId(), reference, timing: CancelTiming.NOW, reason: '' }))).reason).toBe('NOT_FOUND');
      expect((await refusal(lab.subscriptions.uncancelSubscription(as(other), { requestId: newRequestId(), reference }))).reason).toBe('NOT_FOUND');
    }
  });
});
