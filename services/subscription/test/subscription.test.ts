/** Subscriptions, through the rpcs. */
import { DomainError } from '@valora/chassis';
import { BillingAlignment, SubscriptionState, type SubscriptionItem } from '@valora/contracts/valora/subscription/v1/subscription';
import { PeriodInterval } from '@valora/contracts/valora/type/v1/period';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { as, at, cancel, CLOCK, createCustomer, newRequestId, openSubscriptionLab, refusal, shown, subscribe, wanted, type SubscriptionLab } from './subscription-lab.ts';

let lab: SubscriptionLab;
beforeAll(async () => {
  lab = await openSubscriptionLab();
  await createCustomer(lab, 'org_a', 'acme');
});
afterAll(() => lab.close());

function taking(price: string, quantity: string, item = ''): SubscriptionItem {
  return { item, price, quantity, meter: '' };
}

describe('CreateSubscription', () => {
  test("starts now, pins plan version, zone and anchor, and has an item for each price in the plan's order", async () => {
    const created = await subscribe(lab, 'org_a', { reference: 'sub-1', customer: 'acme', plan: 'pro', items: [taking('seat', '012.50')] });
    expect(created).toEqual({
      reference: 'sub-1', customer: 'acme', plan: 'pro', planVersion: 3, timeZone: 'Europe/Berlin', interval: PeriodInterval.MONTH, intervalCount: 1,
      startTime: at(CLOCK), anchorTime: at(CLOCK), recordedTime: at(CLOCK), state: SubscriptionState.ACTIVE, alignment: BillingAlignment.ANNIVERSARY,
      items: [
        { item: 'fee', price: 'fee', quantity: '1', meter: '' }, { item: 'tokens', price: 'tokens', quantity: '1', meter: 'tokens' }, { item: 'seat', price: 'seat', quantity: '12.5', meter: '' },
      ],
    });
    expect((await lab.subscriptions.getSubscription(as('org_a'), { reference: 'sub-1' })).subscription).toEqual(created);
  });

  test("by the calendar, is anchored to the zone's midnight of 1 January 2001; another alignment is refused", async () => {
    const created = await subscribe(lab, 'org_a', { reference: 'sub-calendar', customer: 'acme', plan: 'fees', alignment: BillingAlignment.CALENDAR });
    expect(created).toMatchObject({ timeZone: 'Europe/Berlin', anchorTime: at('2000-12-31T23:00:00Z'), alignment: BillingAlignment.CALENDAR });
    const unknown = Object.assign(wanted({ reference: 'sub-x', customer: 'acme', plan: 'fees' }), { alignment: 7 });
    const refused = await refusal(lab.subscriptions.createSubscription(as('org_a'), { requestId: newRequestId(), subscription: unknown }));
    expect(refused.metadata).toMatchObject({ field: 'subscription.alignment' });
  });

  test('keeps a quantity of 38 digits exactly', async () => {
    const quantity = '12345678901234567890.123456789012345678';
    await subscribe(lab, 'org_a', { reference: 'sub-exact', customer: 'acme', plan: 'fees', items: [taking('fee', quantity, 'fee')] });
    expect((await lab.subscriptions.getSubscription(as('org_a'), { reference: 'sub-exact' })).subscription?.items[0]?.quantity).toBe(quantity);
  });

  test("takes the customer's own zone before the organization's", async () => {
    await createCustomer(lab, 'org_a', 'tokyo', 'Asia/Tokyo');
    expect((await subscribe(lab, 'org_a', { reference: 'sub-tokyo', customer: 'tokyo', plan: 'fees' }))?.timeZone).toBe('Asia/Tokyo');
  });

  test('repeated, answers the same; with another body, or a taken reference, is refused', async () => {
    const request = { requestId: newRequestId(), subscription: wanted({ reference: 'sub-twice', customer: 'acme', plan: 'fees' }) };
    const first = await lab.subscriptions.createSubscription(as('org_a'), request);
    expect(await lab.subscriptions.createSubscription(as('org_a'), request)).toEqual(first);
    const other = { ...request, subscription: wanted({ reference: 'sub-other', customer: 'acme', plan: 'fees' }) };
    expect((await refusal(lab.subscriptions.createSubscription(as('org_a'), other))).reason).toBe('REQUEST_ID_REUSED');
    expect((await refusal(subscribe(lab, 'org_a', { reference: 'sub-twice', customer: 'acme', plan: 'fees' }))).reason).toBe('ALREADY_EXISTS');
  });

  test.each<[title: string, wrong: Partial<Parameters<typeof wanted>[0]>, refused: object]>([
    ['an unknown customer', { customer: 'nobody' }, { reason: 'CUSTOMER_UNKNOWN', metadata: { customer: 'nobody' } }],
    ['an unknown plan', { plan: 'gold' }, { reason: 'PLAN_UNKNOWN', metadata: { plan: 'gold' } }],
    ['a quantity of a price that is not in the plan', { items: [taking('calls', '2')] }, { metadata: { field: 'subscription.items[0].price' } }],
    ['a quantity of a metered price', { plan: 'calls', items: [taking('calls', '2')] }, { metadata: { field: 'subscription.items[0].quantity' } }],
    ['a quantity of zero', { items: [taking('fee', '0.00')] }, { metadata: { field: 'subscription.items[0].quantity' } }],
    ['a quantity below zero', { items: [taking('fee', '-1')] }, { metadata: { field: 'subscription.items[0].quantity' } }],
    ['a quantity that is no decimal', { items: [taking('fee', '1e3')] }, { metadata: { field: 'subscription.items[0].quantity' } }],
    ['a price twice', { items: [taking('fee', '1'), taking('fee', '2')] }, { metadata: { field: 'subscription.items[1].price' } }],
    ['an item of another name', { items: [taking('fee', '1', 'platform')] }, { metadata: { field: 'subscription.items[0].item' } }],
    ['a start 101 years ago', { start: '1925-01-01T00:00:00Z' }, { metadata: { field: 'subscription.start_time' } }],
    ['a start in 101 years', { start: '2127-01-01T00:00:00Z' }, { metadata: { field: 'subscription.start_time' } }],
  ])('with %s is refused and leaves nothing', async (_title, wrong, refused) => {
    expect(await refusal(subscribe(lab, 'org_a', { reference: 'sub-refused', customer: 'acme', plan: 'fees', ...wrong }))).toMatchObject(refused);
    expect((await refusal(lab.subscriptions.getSubscription(as('org_a'), { reference: 'sub-refused' }))).reason).toBe('NOT_FOUND');
  });
});

describe('a meter of a customer', () => {
  test('is in one live subscription only; another customer or meter is free', async () => {
    await createCustomer(lab, 'org_meter', 'one');
    await createCustomer(lab, 'org_meter', 'two');
    await subscribe(lab, 'org_meter', { reference: 'first', customer: 'one', plan: 'pro', start: '2026-06-01T00:00:00Z' });
    for (const start of ['2020-01-01T00:00:00Z', '2026-06-01T00:00:00Z', '2030-01-01T00:00:00Z']) {
      const refused = await refusal(subscribe(lab, 'org_meter', { reference: 'second', customer: 'one', plan: 'both', start }));
      expect(refused).toMatchObject({ reason: 'METER_ALREADY_SUBSCRIBED', metadata: { customer: 'one', meter: 'tokens', subscription: 'first' } });
    }
    await subscribe(lab, 'org_meter', { reference: 'third', customer: 'one', plan: 'calls' });
    await subscribe(lab, 'org_meter', { reference: 'fourth', customer: 'two', plan: 'both' });
  });

  test('is free again from the instant at which an item ends', async () => {
    await createCustomer(lab, 'org_meter', 'ended');
    await subscribe(lab, 'org_meter', { reference: 'past', customer: 'ended', plan: 'calls' });
    await cancel(lab, 'org_meter', 'past', '2026-03-01T00:00:00Z');
    const early = await refusal(subscribe(lab, 'org_meter', { reference: 'next', customer: 'ended', plan: 'calls', start: '2026-02-28T23:59:59.999999Z' }));
    expect(early).toMatchObject({ reason: 'METER_ALREADY_SUBSCRIBED', metadata: { subscription: 'past' } });
    await subscribe(lab, 'org_meter', { reference: 'next', customer: 'ended', plan: 'calls', start: '2026-03-01T00:00:00Z' });
    for (const longer of [lab.subscriptions.uncancelSubscription(as('org_meter'), { requestId: newRequestId(), reference: 'past' }), cancel(lab, 'org_meter', 'past', '2026-03-01T00:00:00.000001Z')]) {
      expect(await refusal(longer)).toMatchObject({ reason: 'METER_ALREADY_SUBSCRIBED', metadata: { subscription: 'next' } });
    }
    await cancel(lab, 'org_meter', 'past', '2026-02-01T00:00:00Z');
    await cancel(lab, 'org_meter', 'past', '2026-03-01T00:00:00Z');
  });

  test('is not held by a subscription that was canceled before it began', async () => {
    await createCustomer(lab, 'org_meter', 'never');
    await subscribe(lab, 'org_meter', { reference: 'never', customer: 'never', plan: 'calls', start: '2026-06-01T00:00:00Z' });
    await cancel(lab, 'org_meter', 'never');
    await subscribe(lab, 'org_meter', { reference: 'instead', customer: 'never', plan: 'calls', start: '2026-01-01T00:00:00Z' });
  });

  test('is not needed by one that ends before it begins, so that another one does not keep it from being canceled', async () => {
    await createCustomer(lab, 'org_meter', 'empty');
    await subscribe(lab, 'org_meter', { reference: 'empty', customer: 'empty', plan: 'calls', start: '2026-06-01T00:00:00Z' });
    await cancel(lab, 'org_meter', 'empty', '2026-06-01T00:00:00Z');
    await subscribe(lab, 'org_meter', { reference: 'running', customer: 'empty', plan: 'calls', start: '2026-01-01T00:00:00Z' });
    await cancel(lab, 'org_meter', 'empty', '2026-06-01T00:00:00Z');
    expect(await refusal(cancel(lab, 'org_meter', 'empty', '2026-06-01T00:00:00.000001Z'))).toMatchObject({ reason: 'METER_ALREADY_SUBSCRIBED' });
    await cancel(lab, 'org_meter', 'empty');
  });

  test.each([1, 2, 3, 4, 5])('goes to one of twelve creations that race for it, round %i', async (round) => {
    const customer = `racer-${round}`;
    await createCustomer(lab, 'org_race', customer);
    const creations = Array.from({ length: 12 }, (_, index) => subscribe(lab, 'org_race', { reference: `${customer}-${index}`, customer, plan: index % 2 === 0 ? 'calls' : 'both' }));
    const outcomes = await Promise.allSettled(creations);
    const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' && outcome.reason instanceof DomainError ? [outcome.reason.reason] : []));
    expect(reasons).toEqual(Array.from({ length: 11 }, () => 'METER_ALREADY_SUBSCRIBED'));
    expect((await lab.subscriptions.listSubscriptions(as('org_race'), { pageSize: 0, pageToken: '', customer })).subscriptions).toHaveLength(1);
  });
});

test('a subscription is PENDING until the clock reaches its start, to the microsecond', async () => {
  await createCustomer(lab, 'org_pending', 'one');
  await subscribe(lab, 'org_pending', { reference: 'later', customer: 'one', plan: 'fees', start: '2026-02-01T00:00:00Z' });
  const state = async (): Promise<number | undefined> => (await lab.subscriptions.getSubscription(as('org_pending'), { reference: 'later' })).subscription?.state;
  expect(await state()).toBe(SubscriptionState.PENDING);
  await lab.setClock('org_pending', '2026-01-31T23:59:59.999999Z');
  expect(await state()).toBe(SubscriptionState.PENDING);
  await lab.setClock('org_pending', '2026-02-01T00:00:00Z');
  expect(await state()).toBe(SubscriptionState.ACTIVE);
});

test('creating a subscription says when its first cycle opens', async () => {
  await createCustomer(lab, 'org_due', 'one');
  await subscribe(lab, 'org_due', { reference: 'later', customer: 'one', plan: 'fees', start: '2026-03-01T00:00:00Z' });
  expect(shown((await lab.dueWork.getNextDueTime(as('org_due'), {})).dueTime)).toBe('2026-03-01T00:00:00Z');
  await subscribe(lab, 'org_due', { reference: 'sooner', customer: 'one', plan: 'fees', start: '2026-02-01T00:00:00Z' });
  expect(shown((await lab.dueWork.getNextDueTime(as('org_due'), {})).dueTime)).toBe('2026-02-01T00:00:00Z');
});

test("subscriptions are listed by reference, all or one customer's, and another organization sees none", async () => {
  for (const customer of ['one', 'two']) await createCustomer(lab, 'org_list', customer);
  for (const [reference, customer] of [['c', 'one'], ['a', 'two'], ['b', 'one']] as const) await subscribe(lab, 'org_list', { reference, customer, plan: 'fees' });
  const list = async (organizationId: string, customer: string, pageToken = ''): Promise<{ references: string; nextPageToken: string }> => {
    const { subscriptions, nextPageToken } = await lab.subscriptions.listSubscriptions(as(organizationId), { pageSize: 2, pageToken, customer });
    return { references: subscriptions.map(({ reference }) => reference).join(' '), nextPageToken };
  };
  const first = await list('org_list', '');
  expect([first.references, (await list('org_list', '', first.nextPageToken)).references]).toEqual(['a b', 'c']);
  expect((await list('org_list', 'one')).references).toBe('b c');
  expect((await list('org_stranger', 'one')).references).toBe('');
  expect((await refusal(lab.subscriptions.getSubscription(as('org_stranger'), { reference: 'a' }))).reason).toBe('NOT_FOUND');
});
