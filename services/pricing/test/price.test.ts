/** Prices and their versions, through the rpcs. */
import { DomainError } from '@valora/chassis';
import { BillingTiming, VersionResolution, type CreatePriceRequest, type Price, type PublishPriceVersionRequest, type PublishPriceVersionResponse } from '@valora/contracts/valora/pricing/v1/catalog';
import { QuantityRoundingMode, UnitConversionOperation, type PriceModel, type PriceModifiers } from '@valora/contracts/valora/pricing/v1/price_model';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { as, at, CLOCK, flat, modifiers, newRequestId, openPricingLab, percentage, perUnit, refusal, shown, tier, type PricingLab } from './pricing-lab.ts';

let lab: PricingLab;
beforeAll(async () => { lab = await openPricingLab(); });
afterAll(() => lab.close());

function priceRequest(price: Partial<Price>): CreatePriceRequest {
  const wanted = { code: 'seat', displayName: 'Seat', meter: '', currencyCode: 'USD', billingTiming: BillingTiming.UNSPECIFIED, versions: [], bounds: [], versionResolution: VersionResolution.UNSPECIFIED, ...price };
  return { requestId: newRequestId(), price: wanted };
}

async function createPrice(organizationId: string, price: Partial<Price>): Promise<Price | undefined> {
  return (await lab.catalog.createPrice(as(organizationId), priceRequest(price))).price;
}

function publish(organizationId: string, wanted: Partial<PublishPriceVersionRequest>): Promise<PublishPriceVersionResponse> {
  return lab.catalog.publishPriceVersion(as(organizationId), {
    requestId: newRequestId(), price: 'seat', effectiveFromTime: at('2026-02-01T00:00:00Z'), model: flat('20'), allowBackDating: false, ...wanted,
  });
}

describe('CreatePrice', () => {
  test('answers the price, in arrears, by the version at the start and without versions, and so does GetPrice', async () => {
    const created = await createPrice('org_a', { code: 'tokens', meter: 'tokens' });
    expect(created).toEqual({
      code: 'tokens', displayName: 'Seat', meter: 'tokens', currencyCode: 'USD', billingTiming: BillingTiming.IN_ARREARS, recordedTime: at(CLOCK), versions: [], bounds: [],
      versionResolution: VersionResolution.PERIOD_START,
    });
    expect((await lab.catalog.getPrice(as('org_a'), { code: 'tokens' })).price).toEqual(created);
  });

  test.each([[VersionResolution.PERIOD_START, 'start'], [VersionResolution.SPLIT, 'split']] as const)('keeps the resolution of versions it was given: %s', async (versionResolution, code) => {
    expect(await createPrice('org_resolution', { code, versionResolution })).toMatchObject({ versionResolution });
    expect((await lab.catalog.getPrice(as('org_resolution'), { code })).price?.versionResolution).toBe(versionResolution);
    expect((await lab.catalog.listPrices(as('org_resolution'), { pageSize: 0, pageToken: '' })).prices.find((price) => price.code === code)?.versionResolution).toBe(versionResolution);
  });

  test('a price and a version that were stored before there were resolutions and modifiers read as the usual ones', async () => {
    await createPrice('org_old', { versionResolution: VersionResolution.SPLIT });
    const owner = new pg.Client({ connectionString: lab.testDatabase.url });
    await owner.connect();
    await owner.query(`insert into pricing.price (organization_id, code, display_name, currency_code, recorded_time) values ('org_old', 'old', 'Old', 'USD', 1)`);
    await owner.query(`insert into pricing.price_version (organization_id, price_code, version, model, effective_from_time, recorded_time) values ('org_old', 'old', 1, '{"kind": "FLAT", "amount": "20"}', 1, 1)`);
    await owner.end();
    const { price } = await lab.catalog.getPrice(as('org_old'), { code: 'old' });
    expect(price).toMatchObject({ versionResolution: VersionResolution.PERIOD_START, versions: [{ model: flat('20'), modifiers: undefined }] });
  });

  test('repeated, answers the same; with another body, or a taken code, is refused', async () => {
    const request = priceRequest({ code: 'twice' });
    const first = await lab.catalog.createPrice(as('org_a'), request);
    expect(await lab.catalog.createPrice(as('org_a'), request)).toEqual(first);
    expect((await refusal(lab.catalog.createPrice(as('org_a'), { ...priceRequest({ code: 'other' }), requestId: request.requestId }))).reason).toBe('REQUEST_ID_REUSED');
    expect((await refusal(createPrice('org_a', { code: 'twice' }))).reason).toBe('ALREADY_EXISTS');
    expect(await createPrice('org_b', { code: 'twice' })).toMatchObject({ code: 'twice' });
  });

  test('of an unknown meter is refused', async () => {
    expect(await refusal(createPrice('org_a', { code: 'unmetered', meter: 'steps' }))).toMatchObject({ reason: 'METER_UNKNOWN', metadata: { meter: 'steps' } });
  });

  test('names every bad field at once', async () => {
    const unknownValue = 7 as VersionResolution; // as a newer caller may send
    const request = { ...priceRequest({ code: 'Seat', displayName: '', currencyCode: 'EUR', meter: '9', versionResolution: unknownValue }), requestId: '' };
    const { fieldViolations } = await refusal(lab.catalog.createPrice(as('org_a'), request));
    expect(fieldViolations?.map(({ field }) => field)).toEqual(['request_id', 'price.currency_code', 'price.code', 'price.display_name', 'price.meter', 'price.version_resolution']);
  });
});

describe('PublishPriceVersion', () => {
  test('a publication that waited for one recorded later is recorded no earlier, so that no run knows it without the other', async () => {
    await createPrice('org_waited', {});
    await publish('org_waited', {});
    const later = 4_102_444_800_000_000n; // 2100
    const owner = new pg.Client({ connectionString: lab.testDatabase.url });
    await owner.connect();
    await owner.query(`insert into pricing.price_version select organization_id, price_code, 2, model, effective_from_time + 1, null, $1 from pricing.price_version where organization_id = 'org_waited'`, [later]);
    await owner.end();
    const { version } = await publish('org_waited', { effectiveFromTime: at('2026-03-01T00:00:00Z') });
    expect(version).toMatchObject({ version: 3, recordedTime: at('2100-01-01T00:00:00Z') });
    const { price } = await lab.catalog.getPrice(as('org_waited'), { code: 'seat' });
    expect(price?.bounds.map(({ recordedTime }) => recordedTime)).toEqual([at('2100-01-01T00:00:00Z')]);
  });

  test('records the version and the bound of its predecessor together', async () => {
    await createPrice('org_publish', {});
    await publish('org_publish', {});
    await lab.setClock('org_publish', '2026-01-20T00:00:00Z');
    const { version } = await publish('org_publish', { effectiveFromTime: at('2026-03-01T00:00:00Z'), effectiveToTime: at('2026-04-01T00:00:00Z'), model: flat('25.50') });
    expect(version).toMatchObject({ version: 2, model: flat('25.5'), recordedTime: at('2026-01-20T00:00:00Z') });
    const { price } = await lab.catalog.getPrice(as('org_publish'), { code: 'seat' });
    expect(price?.versions.map(({ version: number, effectiveFromTime, effectiveToTime }) => [number, shown(effectiveFromTime), shown(effectiveToTime)])).toEqual([
      [1, '2026-02-01T00:00:00Z', 'open'], [2, '2026-03-01T00:00:00Z', '2026-04-01T00:00:00Z'],
    ]);
    expect(price?.bounds).toEqual([{ version: 1, effectiveToTime: at('2026-03-01T00:00:00Z'), recordedTime: at('2026-01-20T00:00:00Z') }]);
  });

  test.each<[title: string, model: PriceModel]>([
    ['100 tiers', { model: { $case: 'graduated', value: { tiers: [...Array.from({ length: 99 }, (_, index) => tier(String(index + 1), '1')), tier('', '0.5')] } } }],
    ['flat', flat('19.99')],
    ['per unit, 38 digits', perUnit('12345678901234567890.123456789012345678')],
    ['graduated', { model: { $case: 'graduated', value: { tiers: [tier('99.5', '0.0000025', '3'), tier('', '0')] } } }],
    ['volume', { model: { $case: 'volume', value: { tiers: [tier('100', '0.1'), tier('', '0.1', '0.01')] } } }],
    ['package', { model: { $case: 'package', value: { packageSize: '0.5', packageAmount: '0' } } }],
    ['stairstep', { model: { $case: 'stairstep', value: { stairs: [{ upTo: '100', amount: '10' }, { upTo: '', amount: '25' }] } } }],
    ['percentage', percentage('1.3', '2')],
    ['percentage without a fixed amount', percentage('0.05')],
    ['graduated percentage', { model: { $case: 'graduatedPercentage', value: { tiers: [{ upTo: '100', percent: '3', flatAmount: '1' }, { upTo: '', percent: '2', flatAmount: '' }] } } }],
  ])('keeps the model exactly: %s', async (title, model) => {
    const code = `kept-${title.replaceAll(/[^a-z]/g, '')}`;
    await createPrice('org_kept', { code, meter: title === 'flat' ? '' : 'tokens' });
    const { version } = await publish('org_kept', { price: code, model });
    const stored = (await lab.catalog.getPrice(as('org_kept'), { code })).price?.versions[0];
    expect([version?.model, stored?.model, stored?.modifiers]).toEqual([model, model, undefined]);
  });

  test.each<[title: string, given: PriceModifiers, kept: PriceModifiers | undefined]>([
    ['all of them', { unitConversion: { operation: UnitConversionOperation.DIVIDE, factor: '1000.0', rounding: { decimals: 0, mode: QuantityRoundingMode.CEILING } }, includedQuantity: '10.50', minimum: '5', maximum: '500' },
      { unitConversion: { operation: UnitConversionOperation.DIVIDE, factor: '1000', rounding: { decimals: 0, mode: QuantityRoundingMode.CEILING } }, includedQuantity: '10.5', minimum: '5', maximum: '500' }],
    ['× without rounding', modifiers({ unitConversion: { operation: UnitConversionOperation.MULTIPLY, factor: '0.1' } }), modifiers({ unitConversion: { operation: UnitConversionOperation.MULTIPLY, factor: '0.1' } })],
    ...([QuantityRoundingMode.HALF_UP, QuantityRoundingMode.HALF_EVEN, QuantityRoundingMode.FLOOR] as const).map((mode): [string, PriceModifiers, PriceModifiers] => {
      const rounding = modifiers({ unitConversion: { operation: UnitConversionOperation.DIVIDE, factor: '3', rounding: { decimals: 18, mode } } });
      return [`rounding ${mode} to 18 decimals`, rounding, rounding];
    }),
    ['a minimum of zero', modifiers({ minimum: '0' }), modifiers({ minimum: '0' })],
    ['a maximum alone', modifiers({ maximum: '9.99' }), modifiers({ maximum: '9.99' })],
    ['none, said with an empty message', modifiers({}), undefined],
  ])('keeps the modifiers exactly: %s', async (title, given, kept) => {
    const code = `modified-${title.length}-${title.replaceAll(/[^a-z0-9]/g, '').slice(0, 20)}`;
    await createPrice('org_kept', { code, meter: 'tokens' });
    const { version } = await publish('org_kept', { price: code, model: perUnit('1'), modifiers: given });
    expect([version?.modifiers, (await lab.catalog.getPrice(as('org_kept'), { code })).price?.versions[0]?.modifiers]).toEqual([kept, kept]);
  });

  test('repeated, answers the same; with other modifiers under the same request_id, is refused', async () => {
    await createPrice('org_repeat', { code: 'metered', meter: 'tokens' });
    const request = { requestId: newRequestId(), price: 'metered', effectiveFromTime: at('2026-02-01T00:00:00Z'), model: perUnit('1'), allowBackDating: false, modifiers: modifiers({ minimum: '5' }) };
    const first = await lab.catalog.publishPriceVersion(as('org_repeat'), request);
    expect(await lab.catalog.publishPriceVersion(as('org_repeat'), request)).toEqual(first);
    expect((await refusal(lab.catalog.publishPriceVersion(as('org_repeat'), { ...request, modifiers: modifiers({ minimum: '6' }) }))).reason).toBe('REQUEST_ID_REUSED');
  });

  test('of a missing price, back-dated without asking, or reaching a later version, is refused by name', async () => {
    await createPrice('org_refused', {});
    await publish('org_refused', { effectiveFromTime: at('2026-06-01T00:00:00Z') });
    expect((await refusal(publish('org_refused', { price: 'absent' }))).reason).toBe('NOT_FOUND');
    expect(await refusal(publish('org_refused', { effectiveFromTime: at('2026-01-14T23:59:59.999999Z') }))).toMatchObject({ reason: 'PRICE_VERSION_BACK_DATED', metadata: { current_time: CLOCK } });
    expect(await refusal(publish('org_refused', {}))).toMatchObject({ reason: 'PRICE_VERSION_OVERLAP', metadata: { version: '1', effective_from_time: '2026-06-01T00:00:00Z' } });
  });

  test('at the very instant of the clock needs no asking; back-dated with asking is published', async () => {
    await createPrice('org_back', {});
    await publish('org_back', { effectiveFromTime: at(CLOCK) });
    const { version } = await publish('org_back', { effectiveFromTime: at('2025-01-01T00:00:00Z'), effectiveToTime: at(CLOCK), allowBackDating: true });
    expect(version?.version).toBe(2);
  });

  test('of FLAT on a metered price is a mismatch, of PERCENTAGE on a fee too; any other model fits a fee', async () => {
    await createPrice('org_match', { code: 'metered', meter: 'calls' });
    expect(await refusal(publish('org_match', { price: 'metered' }))).toMatchObject({ reason: 'MODEL_MISMATCH', metadata: { price: 'metered', model: 'FLAT', meter: 'calls' } });
    await createPrice('org_match', { code: 'fee' });
    expect(await refusal(publish('org_match', { price: 'fee', model: percentage('1') }))).toMatchObject({ reason: 'MODEL_MISMATCH', metadata: { price: 'fee', model: 'PERCENTAGE' } });
    const { version } = await publish('org_match', { price: 'fee', model: { model: { $case: 'graduated', value: { tiers: [tier('10', '5'), tier('', '4')] } } } });
    expect(version?.version).toBe(1);
  });

  test('names every problem of the request at once, and what is malformed only once', async () => {
    const tiers = [tier('1e3', '0.1'), tier('', '-1'), tier('50', '', '١')];
    const start = at('2026-02-01T00:00:00Z');
    const { fieldViolations } = await refusal(publish('org_match', { price: '', effectiveFromTime: start, effectiveToTime: start, model: { model: { $case: 'graduated', value: { tiers } } } }));
    expect(fieldViolations?.map((violation) => `${violation.field} ${violation.reason}`)).toEqual([
      'price MISSING',
      'effective_to_time OUT_OF_ORDER',
      'model.graduated.tiers[0].up_to DECIMAL_MALFORMED',
      'model.graduated.tiers[2].unit_amount DECIMAL_MALFORMED',
      'model.graduated.tiers[2].flat_amount DECIMAL_MALFORMED',
      'model.graduated.tiers[1].up_to TIER_OPEN_NOT_LAST',
      'model.graduated.tiers[1].unit_amount AMOUNT_NEGATIVE',
      'model.graduated.tiers[2].up_to TIER_LAST_NOT_OPEN',
    ]);
  });

  test.each<[title: string, wanted: Partial<PublishPriceVersionRequest>, violations: readonly string[]]>([
    ['101 tiers, of which the last is open', { model: { model: { $case: 'volume', value: { tiers: [...Array.from({ length: 100 }, (_, index) => tier(String(index + 1), '1')), tier('', '1')] } } } }, ['model.volume.tiers COUNT']],
    ['a maximum that is no decimal, which no minimum is above', { modifiers: modifiers({ minimum: '5', maximum: '10,00' }) }, ['modifiers.maximum DECIMAL_MALFORMED']],
    ['a package of nothing, below zero', { model: { model: { $case: 'package', value: { packageSize: '0', packageAmount: '-1' } } } },
      ['model.package.package_size PACKAGE_SIZE_NOT_POSITIVE', 'model.package.package_amount AMOUNT_NEGATIVE']],
    ['stairs that fall and end', { model: { model: { $case: 'stairstep', value: { stairs: [{ upTo: '10', amount: 'x' }, { upTo: '5', amount: '-2' }] } } } },
      ['model.stairstep.stairs[0].amount DECIMAL_MALFORMED', 'model.stairstep.stairs[1].up_to TIER_BOUND_NOT_ASCENDING', 'model.stairstep.stairs[1].up_to TIER_LAST_NOT_OPEN', 'model.stairstep.stairs[1].amount AMOUNT_NEGATIVE']],
    ['101 stairs', { model: { model: { $case: 'stairstep', value: { stairs: Array.from({ length: 101 }, (_, index) => ({ upTo: index === 99 ? '' : String(index + 1), amount: '1' })) } } } },
      ['model.stairstep.stairs COUNT']],
    ['no stairs', { model: { model: { $case: 'stairstep', value: { stairs: [] } } } }, ['model.stairstep.stairs TIERS_EMPTY']],
    ['a percentage without a percent, and a malformed fee', { model: percentage('', '1e2') }, ['model.percentage.percent DECIMAL_MALFORMED', 'model.percentage.fixed_amount DECIMAL_MALFORMED']],
    ['a percentage below zero', { model: { model: { $case: 'graduatedPercentage', value: { tiers: [{ upTo: '', percent: '-1', flatAmount: '-1' }] } } } },
      ['model.graduated_percentage.tiers[0].percent PERCENT_NEGATIVE', 'model.graduated_percentage.tiers[0].flat_amount AMOUNT_NEGATIVE']],
    ['every modifier wrong', { model: perUnit('1'), modifiers: { unitConversion: { operation: 0, factor: '0', rounding: { decimals: 19, mode: 0 } }, includedQuantity: '-1', minimum: '6', maximum: '5' } }, [
      'modifiers.unit_conversion.operation UNKNOWN_VALUE', 'modifiers.unit_conversion.rounding.decimals OUT_OF_RANGE', 'modifiers.unit_conversion.rounding.mode UNKNOWN_VALUE',
      'modifiers.unit_conversion.factor CONVERSION_FACTOR_NOT_POSITIVE', 'modifiers.included_quantity QUANTITY_NEGATIVE', 'modifiers.minimum MINIMUM_ABOVE_MAXIMUM',
    ]],
    ['malformed modifiers, said once each', { model: perUnit('-1'), modifiers: { unitConversion: { operation: 1, factor: '' }, includedQuantity: '1_0', minimum: ' 1', maximum: '٣' } }, [
      'modifiers.unit_conversion.factor DECIMAL_MALFORMED', 'modifiers.included_quantity DECIMAL_MALFORMED', 'modifiers.minimum DECIMAL_MALFORMED', 'modifiers.maximum DECIMAL_MALFORMED',
      'model.per_unit.unit_amount AMOUNT_NEGATIVE',
    ]],
    ['an included quantity of a percentage', { model: percentage('1'), modifiers: modifiers({ includedQuantity: '10' }) }, ['modifiers.included_quantity INCLUDED_QUANTITY_UNUSABLE']],
    ['modifiers without a model', { model: undefined, modifiers: modifiers({ minimum: '-5' }) }, ['model MISSING', 'modifiers.minimum AMOUNT_NEGATIVE']],
  ])('is refused with %s, all of it at once', async (_title, wanted, violations) => {
    const { fieldViolations } = await refusal(publish('org_match', { price: 'fee', ...wanted }));
    expect(fieldViolations?.map(({ field, reason }) => `${field} ${reason}`)).toEqual(violations);
  });

  test.each<[title: string, model: PriceModel | undefined, field: string]>([
    ['no model', undefined, 'model'],
    ['no tiers', { model: { $case: 'volume', value: { tiers: [] } } }, 'model.volume.tiers'],
  ])('is refused with %s', async (_title, model, field) => {
    const { fieldViolations } = await refusal(publish('org_match', { price: 'fee', model }));
    expect(fieldViolations?.map((violation) => violation.field)).toContain(field);
  });

  test('warns of a volume cliff and of a time without a version', async () => {
    await createPrice('org_warn', {});
    await publish('org_warn', {});
    const { warnings } = await publish('org_warn', {
      effectiveFromTime: at('2026-03-01T00:00:00Z'), effectiveToTime: at('2026-04-01T00:00:00Z'), model: { model: { $case: 'volume', value: { tiers: [tier('100', '0.1'), tier('', '0.05')] } } },
    });
    expect(warnings.map(({ field, reason }) => [field, reason])).toEqual([['model.volume.tiers[1]', 'VOLUME_CLIFF'], ['effective_to_time', 'NO_VERSION_AFTERWARDS']]);
    const stairs = [{ upTo: '10', amount: '9' }, { upTo: '', amount: '8' }];
    const { warnings: more } = await publish('org_warn', { effectiveFromTime: at('2026-05-01T00:00:00Z'), model: { model: { $case: 'stairstep', value: { stairs } } }, modifiers: modifiers({ includedQuantity: '0', maximum: '0' }) });
    expect(more.map(({ field, reason }) => [field, reason])).toEqual([
      ['model.stairstep.stairs[1].amount', 'STAIRSTEP_CLIFF'], ['modifiers.included_quantity', 'INCLUDED_QUANTITY_ZERO'], ['modifiers.maximum', 'MAXIMUM_ZERO'],
    ]);
  });

  test('twelve at once: each a version of its own, numbered without a gap, and every overlapping one refused', async () => {
    await createPrice('org_race', {});
    const months = ['02', '03', '04', '05', '06', '07', '02', '03', '04', '05', '06', '07'];
    const outcomes = await Promise.allSettled(months.map((month) => publish('org_race', { effectiveFromTime: at(`2026-${month}-01T00:00:00Z`) })));
    const { price } = await lab.catalog.getPrice(as('org_race'), { code: 'seat' });
    const published = outcomes.filter(({ status }) => status === 'fulfilled').length;
    const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' && outcome.reason instanceof DomainError ? [outcome.reason.reason] : []));
    expect(reasons).toEqual(Array.from({ length: months.length - published }, () => 'PRICE_VERSION_OVERLAP'));
    expect(price?.versions.map(({ version }) => version)).toEqual(Array.from({ length: published }, (_, index) => index + 1));
    // Each later version bounded its predecessor, so what was published came in the order of time.
    const starts = price?.versions.map(({ effectiveFromTime }) => shown(effectiveFromTime)) ?? [];
    expect(starts).toEqual([...new Set(starts)].toSorted());
    expect(price?.bounds.map(({ version, effectiveToTime }) => [version, shown(effectiveToTime)])).toEqual(starts.slice(1).map((start, index) => [index + 1, start]));
  });
});

test('lists and batches are by code in byte order, and another organization sees none of it', async () => {
  for (const code of ['b', 'a.z', 'a-z', 'a_z', 'a0']) await createPrice('org_list', { code });
  const pages: string[][] = [];
  let pageToken = '';
  do {
    const { prices, nextPageToken } = await lab.catalog.listPrices(as('org_list'), { pageSize: 2, pageToken });
    pages.push(prices.map(({ code }) => code));
    pageToken = nextPageToken;
  } while (pageToken !== '');
  expect(pages).toEqual([['a-z', 'a.z'], ['a0', 'a_z'], ['b']]);
  expect((await lab.catalog.batchGetPrices(as('org_list'), { codes: ['b', 'a0', 'b'] })).prices.map(({ code }) => code)).toEqual(['a0', 'b']);
  expect(await refusal(lab.catalog.batchGetPrices(as('org_list'), { codes: ['b', 'absent'] }))).toMatchObject({ reason: 'NOT_FOUND', metadata: { name: 'absent' } });
  expect((await refusal(lab.catalog.batchGetPrices(as('org_list'), { codes: [] }))).reason).toBe('FIELD_INVALID');
  expect((await lab.catalog.listPrices(as('org_stranger'), { pageSize: 0, pageToken: '' })).prices).toEqual([]);
  expect((await refusal(lab.catalog.getPrice(as('org_stranger'), { code: 'b' }))).reason).toBe('NOT_FOUND');
});

test('what was recorded can be changed by nobody, not even the owner', async () => {
  await createPrice('org_fixed', {});
  await publish('org_fixed', {});
  const owner = new pg.Client({ connectionString: lab.testDatabase.url });
  await owner.connect();
  try {
    for (const statement of [`update pricing.price_version set model = '{}'`, 'delete from pricing.price_version', `update pricing.price set display_name = ''`, 'truncate pricing.plan cascade']) {
      await expect(owner.query(statement)).rejects.toThrow('never changed or removed');
    }
  } finally {
    await owner.end();
  }
});
