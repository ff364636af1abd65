/** Plans, through the rpcs. */
import { BillingTiming, VersionResolution, type Plan, type Price } from '@valora/contracts/valora/pricing/v1/catalog';
import { PeriodInterval } from '@valora/contracts/valora/type/v1/period';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { as, at, CLOCK, newRequestId, openPricingLab, refusal, type PricingLab } from './pricing-lab.ts';

let lab: PricingLab;
beforeAll(async () => {
  lab = await openPricingLab();
  for (const [code, meter] of [['fee', ''], ['seat', ''], ['tokens', 'tokens'], ['tokens-2', 'tokens']] as const) {
    const price: Price = { code, displayName: code, meter, currencyCode: 'USD', billingTiming: BillingTiming.IN_ARREARS, versions: [], bounds: [], versionResolution: VersionResolution.PERIOD_START };
    await lab.catalog.createPrice(as('org_a'), { requestId: newRequestId(), price });
  }
});
afterAll(() => lab.close());

async function createPlan(wanted: Partial<Plan>, organizationId = 'org_a'): Promise<Plan | undefined> {
  const plan = { code: 'pro', displayName: 'Pro', version: 0, interval: PeriodInterval.MONTH, intervalCount: 0, prices: ['fee'], ...wanted };
  return (await lab.catalog.createPlan(as(organizationId), { requestId: newRequestId(), plan })).plan;
}

test('a plan is created as version 1, its prices in the given order, every month by default', async () => {
  const plan = await createPlan({ prices: ['tokens', 'seat', 'fee'] });
  expect(plan).toEqual({
    code: 'pro', displayName: 'Pro', version: 1, interval: PeriodInterval.MONTH, intervalCount: 1, prices: ['tokens', 'seat', 'fee'], recordedTime: at(CLOCK),
  });
  expect((await lab.catalog.getPlan(as('org_a'), { code: 'pro' })).plan).toEqual(plan);
  expect((await refusal(createPlan({}))).reason).toBe('ALREADY_EXISTS');
});

test.each<[title: string, wanted: Partial<Plan>, refused: object]>([
  ['a price that is not there', { prices: ['fee', 'absent'] }, { reason: 'PRICE_UNKNOWN', metadata: { price: 'absent' } }],
  ['two prices of one meter', { prices: ['tokens', 'fee', 'tokens-2'] }, { reason: 'METER_REPEATED', metadata: { meter: 'tokens', price: 'tokens', other_price: 'tokens-2' } }],
  ['a price twice', { prices: ['fee', 'fee'] }, { reason: 'FIELD_INVALID', metadata: { field: 'plan.prices[1]' } }],
  ['no price', { prices: [] }, { reason: 'FIELD_INVALID', metadata: { field: 'plan.prices' } }],
  ['101 prices', { prices: Array.from({ length: 101 }, (_, index) => `p${index}`) }, { reason: 'FIELD_INVALID', metadata: { field: 'plan.prices' } }],
  ['121 months', { intervalCount: 121 }, { reason: 'FIELD_INVALID', metadata: { field: 'plan.interval_count' } }],
  ['a year', { interval: PeriodInterval.YEAR }, { reason: 'FIELD_INVALID', metadata: { field: 'plan.interval' } }],
])('a plan with %s is refused', async (_title, wanted, refused) => {
  expect(await refusal(createPlan({ code: 'refused', ...wanted }))).toMatchObject(refused);
});

test('another organization has neither the plan nor the prices', async () => {
  expect((await refusal(createPlan({ code: 'pro' }, 'org_b'))).reason).toBe('PRICE_UNKNOWN');
  expect((await refusal(lab.catalog.getPlan(as('org_b'), { code: 'pro' }))).reason).toBe('NOT_FOUND');
  expect(await lab.catalog.listPlans(as('org_b'), { pageSize: 0, pageToken: '' })).toEqual({ plans: [], nextPageToken: '' });
});

test('plans are listed by code, page by page', async () => {
  for (const code of ['a', 'b', 'c']) await createPlan({ code });
  const first = await lab.catalog.listPlans(as('org_a'), { pageSize: 2, pageToken: '' });
  const second = await lab.catalog.listPlans(as('org_a'), { pageSize: 2, pageToken: first.nextPageToken });
  expect([first, second].map(({ plans }) => plans.map(({ code }) => code))).toEqual([['a', 'b'], ['c', 'pro']]);
  expect(second.nextPageToken).toBe('');
});
