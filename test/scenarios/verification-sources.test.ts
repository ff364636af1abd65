// A superuser changes one thing in one source record, triggers off: verification names it. Each column of each table that a
// run could be computed from has a verdict here; a column without one fails.
import { serviceNames } from '@valora/chassis';
import { startScenario } from '@valora/testkit/scenario';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { columnsOf, documents, fee, startBook, tampered, verdicts, type Book } from './verification-book.ts';

let book: Book;
beforeAll(async () => { book = await startBook(); }, 120_000);
afterAll(() => book.stop());

const MATCH = ['match', 'match', 'match'];

/** [column, its new value, where, what one of the three documents (runs 1 and 3, and the credit note of 2) then says]. */
type Probe = readonly [column: string, value: string, where: string, found: RegExp];

const DAYS = (days: number): string => `${days} * 86400000000`;
const one = "idempotency_key = 'one'";
const version2 = "price_code = 'requests' and version = 2";
const bound = "price_code = 'requests'";
const backup1 = "price_code = 'backup' and version = 1";

const probes: Readonly<Record<string, readonly Probe[]>> = {
  'tenancy.organization': [['currency_code', "'EUR'", 'true', /^CURRENCY_MISMATCH$/]],
  'tenancy.settings_version': [
    ['recorded_time', `recorded_time + ${DAYS(60)}`, 'true', /./],
    ['rounding_mode', "'HALF_EVEN'", 'true', /^run_line\[1\]\.trace\.settled\.rounding\.mode: HALF_UP ≠ HALF_EVEN$/],
    ['lateness_policy', "'HOLD'", 'true', /^run_line\[1\]\.trace\.settled\.quantity\.lateness\.cutoff: nothing ≠ 2026-02-01T00:00:00Z$/],
    ['keep_zero_lines', 'not keep_zero_lines', 'true', /^(run_line|canonical_invoice\.run\.keep_zero_lines|billing_run)/],
  ],
  'metering.meter': [
    ['code', "'other'", "code = 'storage'", /^SOURCE_MISSING$/],
    ['aggregation', "'COUNT'", "code = 'storage'", /^billing_run\.subtotal: 107\.03 ≠ /],
    ['filters', `'[{"property": "region", "values": ["eu"]}]'`, "code = 'storage'", /^billing_run\.subtotal/],
    ['unique_property', "'region', aggregation = 'UNIQUE_COUNT'", "code = 'storage'", /^billing_run\.subtotal/],
  ],
  'metering.usage_void': [
    ['idempotency_key', "'two'", 'true', /^usage_void\[two\]\.meter_code: storage ≠ requests$/],
    ['idempotency_key', "'nobody'", 'true', /^usage_void\[nobody\]\.idempotency_key: nobody ≠ nothing$/],
    ['meter_code', "'requests'", 'true', /^usage_void\[wrong\]\.meter_code: requests ≠ storage$/],
    ['customer_reference', "'other'", 'true', /^usage_void\[wrong\]\.customer_reference: other ≠ acme$/],
    ['event_time', 'event_time + 1', 'true', /^usage_void\[wrong\]\.event_time/],
    ['recorded_time', `recorded_time + ${DAYS(60)}`, 'true', /^billing_run\.subtotal/],
  ],
  'metering.usage_release': [
    ['idempotency_key', "'two'", 'true', /^usage_release\[two\]\.meter_code: storage ≠ requests$/],
    ['meter_code', "'requests'", 'true', /^usage_release\[one\]\.meter_code: requests ≠ storage$/],
    ['customer_reference', "'other'", 'true', /^usage_release\[one\]\.customer_reference: other ≠ acme$/],
    ['event_time', 'event_time + 1', 'true', /^usage_release\[one\]\.event_time/],
  ],
  'metering.usage_event': [
    ['meter_code', "'requests'", one, /^usage_event\[one\]\.content_digest/],
    ['customer_reference', "'other'", one, /^usage_event\[one\]\.content_digest: nothing ≠ [0-9a-f]{64}$/],
    ['event_time', 'event_time + 1', one, /^usage_event\[one\]\.content_digest: [0-9a-f]{64} ≠ [0-9a-f]{64}$/],
    ['event_time', `event_time + ${DAYS(30)}`, one, /^usage_event\[one\]\.content_digest/],
    ['idempotency_key', "'eno'", one, /^usage_key\[eno\]\.content_digest: nothing ≠ [0-9a-f]{64}$/],
    ['subscription_reference', "'other'", one, /^usage_event\[one\]\.content_digest/],
    ['value', 'value + 1', "idempotency_key = 'three'", /^usage_event\[three\]\.content_digest/],
    ['value', "value + case idempotency_key when 'one' then 1 else -1 end", "idempotency_key in ('one', 'late')", /^usage_event\[late\]\.content_digest/],
    ['value', "'NaN'", one, /^usage_event\[one\]\.content_digest/],
    ['properties', `'{"region": "eu"}'`, one, /^usage_event\[one\]\.content_digest/],
    ['content_digest', "sha256('other')", one, /^usage_event\[one\]\.content_digest/],
    ['recorded_time', `recorded_time - ${DAYS(30)}`, "idempotency_key = 'late'", /^billing_run\.subtotal/],
  ],
  'metering.usage_key': [
    ['idempotency_key', "'eno'", one, /^usage_event\[eno\]\.content_digest: nothing ≠|^usage_key\[one\]\.content_digest: nothing ≠/],
    ['content_digest', "sha256('other')", one, /^usage_key\[one\]\.content_digest/],
    ['meter_code', "'requests'", one, /^usage_(key|event)\[one\]/],
    ['customer_reference', "'other'", one, /^usage_key\[one\]\.customer_reference: other ≠ acme$/],
    ['event_time', 'event_time + 1', one, /^usage_(key|event)\[one\]/],
  ],
  'pricing.price': [
    ['code', "'other'", "code = 'requests'", /^SOURCE_MISSING$/],
    ['display_name', "'Requesus'", "code = 'requests'", /^run_line\[\d\]\.description: Requests ≠ Requesus$/],
    ['meter_code', "'storage'", "code = 'requests'", /^billing_run\.subtotal/],
    ['currency_code', "'EUR'", "code = 'requests'", /^CURRENCY_MISMATCH$/],
    ['version_resolution', "'SPLIT'", "code = 'backup'", /^billing_run\.subtotal/],
  ],
  'pricing.price_version': [
    ['price_code', "'other'", "price_code = 'storage'", /^PRICE_VERSION_MISSING$/],
    ['version', 'version + 10', version2, /^run_line\[\d\]\.price_version: 2 ≠ 12$/],
    ['model', `replace(model::text, '"0.205"', '"0.206"')::jsonb`, version2, /^billing_run\.subtotal/],
    ['model', `replace(model::text, '"0.205"', '0.205')::jsonb`, version2, /^SOURCE_UNREADABLE$/],
    ['model', `'{"kind": "FLAT"}'`, version2, /^SOURCE_UNREADABLE$/],
    ['model', `'null'`, version2, /^SOURCE_UNREADABLE$/],
    ['modifiers', 'null', backup1, /^billing_run\.subtotal/],
    ['modifiers', `'{"includedQuantity": "4.5"}'`, backup1, /trace\.settled\.(price\.modifiers|steps\[0\])\.includedQuantity: 5 ≠ 4\.5$/],
    ['modifiers', `'{"includedQuantity": "5", "maximum": "14.99"}'`, backup1, /^billing_run\.subtotal/],
    ['modifiers', `'{"includedQuantity": 5}'`, backup1, /^SOURCE_UNREADABLE$/],
    ['effective_from_time', 'effective_from_time + 1', version2, /^billing_run|PRICE_VERSION_MISSING/],
    ['effective_to_time', 'effective_from_time + 1000000000000000', version2, /price\.effectiveTo/],
    ['recorded_time', `recorded_time + ${DAYS(150)}`, version2, /price\.knownBefore/],
  ],
  'pricing.price_version_bound': [
    ['price_code', "'storage'", bound, /./],
    ['version', '0', bound, /./],
    ['effective_to_time', 'effective_to_time - 1', bound, /price\.effectiveTo|canonical_invoice/],
    ['recorded_time', `recorded_time + ${DAYS(150)}`, bound, /./],
  ],
  'subscription.subscription': [
    ['reference', "'acmf'", 'true', /^CYCLE_MISSING$/],
    ['customer_reference', "'acmf'", 'true', /^billing_run\.customer_reference: acme ≠ acmf$/],
    ['time_zone', "'Europe/Paris'", 'true', /^canonical_invoice\.subscription\.zone/],
    ['anchor_time', 'anchor_time + 1', 'true', /^canonical_invoice\.subscription\.cadence\.anchor/],
    ['interval', "'YEAR'", 'true', /^canonical_invoice\.subscription\.cadence\.interval/],
    ['interval_count', '2', 'true', /^canonical_invoice\.subscription\.cadence\.count/],
    ['start_time', 'start_time + 1', 'true', /^(billing_run\.previous_cutoff_time|canonical_invoice)/],
    ['recorded_time', 'recorded_time + 1', 'true', /^billing_run\.previous_cutoff_time/],
  ],
  'subscription.subscription_fact': [
    ['subscription_reference', "'other'", 'true', /^billing_run\.subtotal/],
    ['kind', "'OTHER'", 'true', /^SOURCE_UNREADABLE$/],
    ['effective_time', `effective_time + ${DAYS(60)}`, 'true', /^billing_run\.subtotal/],
    ['recorded_time', `recorded_time + ${DAYS(60)}`, 'true', /^billing_run\.subtotal/],
    ['payload', `replace(payload::text, 'storage', 'requests')::jsonb`, 'true', /./],
    ['payload', `'{}'`, 'true', /^SOURCE_UNREADABLE$/],
  ],
  'subscription.billing_cycle': [
    ['subscription_reference', "'other'", 'cycle_index = 1', /^CYCLE_MISSING$/],
    ['cycle_index', '40', 'cycle_index = 2', /^CYCLE_MISSING$/],
    ['start_time', 'start_time + 1', 'cycle_index = 1', /^billing_run\.start_time/],
    ['end_time', 'end_time - 1', 'cycle_index = 1', /^billing_run\.end_time/],
    ['cutoff_time', 'cutoff_time + 1', 'cycle_index = 3', /^CUTOFF_MOVED$/],
    ['cutoff_time', 'cutoff_time + 1', 'cycle_index = 2', /^billing_run\.previous_cutoff_time/],
    ['cutoff_time', `cutoff_time + ${DAYS(45)}`, 'cycle_index = 1', /^FACTS_IMPOSSIBLE$/],
    ['tzdata_version', "'1999a'", 'cycle_index = 1', /^canonical_invoice\.cycles\[0\]\.tzdata_version/],
    ['run_digest', "''", 'cycle_index = 1', /^billing_cycle\.run_digest: {2}≠ [0-9a-f]{64}$/],
    ['run_digest', "'other'", 'cycle_index = 1', /^billing_cycle\.run_digest: other ≠ [0-9a-f]{64}$/],
  ],
};

describe('a change in a source record is named', () => {
  const rows = Object.entries(probes).flatMap(([table, probesOfTable]) => probesOfTable.map((probe) => [table, ...probe] as const));
  test.each(rows)('%s.%s = %s where %s', async (table, column, value, where, expected) => {
    const names = await documents(book.scenario);
    const found = await tampered(book, table, `update ${table} set ${column} = ${value} where organization_id = $1 and ${where}`, () => verdicts(book.scenario, names));
    expect(found.filter((verdict) => expected.test(verdict)), found.join(' | ')).not.toEqual([]);
  });
});

// What is part of no run, and why. Changing it must not look like a changed invoice either.
const besideThePoint: Readonly<Record<string, readonly (readonly [column: string, value: string, why: string])[]>> = {
  'tenancy.organization': [
    ['display_name', "'Other'", 'a name for people that no document carries'],
    ['sandbox', 'not sandbox', 'it decides which clock is asked, and no clock is'],
    ['recorded_time', 'recorded_time + 1', 'an organization is there before anything of it'],
  ],
  'tenancy.settings_version': [
    ['version', 'version + 1', 'it names a version; which one holds follows from the recorded times'],
    ['grace_micros', 'grace_micros + 1', 'grace became part of the cutoffs when the cycles were opened, and those are compared'],
    ['time_zone', "'Europe/Paris'", 'a subscription pins its zone when it is created'],
  ],
  'metering.meter': [
    ['display_name', "'Other'", 'a name for people that no document carries'],
    ['recorded_time', 'recorded_time + 1', 'a meter holds for all events, whenever they came'],
    ['takes_negative_values', 'not takes_negative_values', 'it decides what is recorded, and not what counts'],
  ],
  'metering.usage_void': [['reason', "'other'", 'why a person did it, which decides nothing']],
  'metering.usage_release': [
    ['reason', "'other'", 'why a person did it, which decides nothing'],
    ['recorded_time', 'recorded_time + 1', 'an organization that adjusts late usage holds none that a release would let in'],
  ],
  'pricing.price': [['recorded_time', 'recorded_time + 1', 'what counts is when its versions were recorded']],
  'pricing.price_version_bound': [['by_version', 'by_version + 1', 'why the version ends; when it does is another column']],
  'subscription.subscription': [
    ['plan_code', "'other'", 'a subscription copies interval and items of its plan when it is created'],
    ['plan_version', 'plan_version + 1', 'a subscription copies interval and items of its plan when it is created'],
  ],
  'subscription.subscription_fact': [['sequence', 'sequence + 1', 'the order of facts, which stays']],
  'subscription.billing_cycle': [
    ['grace_micros', 'grace_micros + 1', 'it is part of the cutoff, and that is compared'],
    ['state', 'state', 'how far the work is; tied to the digest by a check'],
    ['lease_end_time', 'lease_end_time', 'who works on it'],
    ['lease_holder', 'lease_holder', 'who works on it'],
    ['given_back', 'given_back', 'who works on it'],
    ['failure_count', 'failure_count + 1', 'what went wrong on the way'],
    ['failure_reason', 'failure_reason', 'what went wrong on the way'],
    ['failure_message', 'failure_message', 'what went wrong on the way'],
    ['failure_time', 'failure_time', 'what went wrong on the way'],
    ['set_aside', 'set_aside', 'what went wrong on the way'],
  ],
};

const harmless = Object.entries(besideThePoint).flatMap(([table, columns]) => columns.map((column) => [table, ...column] as const));
test.each(harmless)('%s.%s = %s changes no run: %s', async (table, column, value) => {
  const names = await documents(book.scenario);
  expect(await tampered(book, table, `update ${table} set ${column} = ${value} where organization_id = $1`, () => verdicts(book.scenario, names))).toEqual(MATCH);
});

/** Tables that no run reads, and why. */
const notRead: Readonly<Record<string, string>> = {
  'tenancy.organization_directory': 'ids alone, for the operator',
  'tenancy.api_key': 'who may call',
  'tenancy.api_key_revocation': 'who may call',
  'metering.usage_level': 'what is derived again takes its levels from the events',
  'metering.usage_archive': 'what is archived is refused, and never computed without',
  'metering.usage_archive_share': 'what is archived is refused, and never computed without',
  'pricing.plan': 'a subscription copies its plan when it is created',
  'pricing.plan_version': 'a subscription copies its plan when it is created',
  'subscription.customer': 'a run holds the reference; name and zone are for creating subscriptions',
  'subscription.subscription_item': 'it keeps items of a customer from overlapping; runs read the facts',
  'subscription.subscription_schedule': 'a work list',
  'subscription.due_work': 'a work list',
};
/** Of every service: the trail, the clock, requests made before, migrations applied. */
const OF_EVERY_SERVICE = /\.(audit_record|audit_head|fence|request|_prisma_migrations)$/;

test('every column of every source table has a verdict: found, or beside the point and why', async () => {
  const schemas = serviceNames.filter((name) => name !== 'invoicing' && name !== 'scheduler');
  const { rows } = await book.owner.query<{ name: string }>(
    `select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any($1) and c.relkind in ('r', 'p') and not c.relispartition order by 1`, [schemas]); // a partition's rows are those of its table
  const tables = rows.map(({ name }) => name).filter((name) => !OF_EVERY_SERVICE.test(name));
  const judged = (table: string): string[] => [...(probes[table] ?? []), ...(besideThePoint[table] ?? [])].map(([column]) => column);
  for (const table of tables) {
    const columns = (await columnsOf(book, table)).map(({ name }) => name);
    if (table in notRead) expect(judged(table), table).toEqual([]);
    else expect([...new Set(judged(table))].toSorted(), table).toEqual(columns.toSorted());
  }
  expect([...Object.keys(notRead), ...Object.keys(probes)].toSorted()).toEqual(tables.toSorted());
});

test.each(Object.keys(notRead).filter((table) => !/directory|api_key|due_work|archive|usage_level/.test(table)))('%s may be empty: no run reads it', async (table) => {
  const names = await documents(book.scenario);
  expect(await tampered(book, table, `delete from ${table} where organization_id = $1`, () => verdicts(book.scenario, names))).toEqual(MATCH);
});

test.each([
  ['tenancy.organization', /^SOURCE_MISSING$/],
  ['tenancy.settings_version', /^SOURCE_MISSING$/],
  ['metering.meter', /^SOURCE_MISSING$/],
  ['metering.usage_event', /^usage_event\[\w+\]\.content_digest: nothing ≠/],
  ['metering.usage_key', /^usage_key\[\w+\]\.content_digest: nothing ≠/],
  ['metering.usage_void', /^billing_run\.subtotal/],
  ['pricing.price', /^SOURCE_MISSING$/],
  ['pricing.price_version', /^PRICE_VERSION_MISSING$/],
  ['pricing.price_version_bound', /price\.effectiveTo/],
  ['subscription.subscription', /^CYCLE_MISSING$/],
  ['subscription.subscription_fact', /^billing_run\.subtotal/],
  ['subscription.billing_cycle', /^CYCLE_MISSING$/],
] as const)('%s emptied is an answer, not an error, and never a match', async (table, expected) => {
  const names = await documents(book.scenario);
  const found = await tampered(book, table, `delete from ${table} where organization_id = $1`, () => verdicts(book.scenario, names));
  expect(found.filter((verdict) => expected.test(verdict)), found.join(' | ')).not.toEqual([]);
});

// What no service would write. Verification must not fail at it, and says something of at least one document.
const garbage: readonly (readonly [table: string, column: string, value: string, where: string])[] = [
  ...['{}', '[]', '1', '{"kind": "NEW"}', '{"kind": "PER_UNIT", "unitAmount": "abc"}', '{"kind": "PER_UNIT", "unitAmount": 1}', '{"kind": "PER_UNIT"}', '{"kind": "GRADUATED", "tiers": []}', '{"kind": "GRADUATED", "tiers": "x"}', '{"kind": "VOLUME", "tiers": [{}]}',
    '{"kind": "PACKAGE"}', '{"kind": "PACKAGE", "packageSize": "0", "packageAmount": "1"}', '{"kind": "STAIRSTEP", "stairs": []}', '{"kind": "STAIRSTEP", "tiers": []}', '{"kind": "PERCENTAGE", "percent": "1"}',
    '{"kind": "PERCENTAGE", "percent": "1", "fixedAmount": null, "freeEvents": "5", "freeAmount": null, "eventMinimum": null, "eventMaximum": null}', '{"kind": "GRADUATED_PERCENTAGE", "tiers": [{"upTo": null}]}',
    '{"kind": "MATRIX", "dimensions": [], "cells": [], "defaultUnitAmount": "1"}']
    .map((model) => ['pricing.price_version', 'model', `'${model}'`, version2] as const),
  ...['[]', '1', '"x"', '{"minimum": 5}', '{"maximum": "1e3"}', '{"includedQuantity": null}', '{"unitConversion": {}}', '{"unitConversion": {"operation": "ADD", "factor": "1"}}', '{"unitConversion": {"operation": "DIVIDE", "factor": "0"}}',
    '{"unitConversion": {"operation": "DIVIDE", "factor": "1", "rounding": {"decimals": 0.5, "mode": "FLOOR"}}}', '{"unitConversion": {"operation": "DIVIDE", "factor": "1", "rounding": {"decimals": 0, "mode": "UP"}}}',
    '{"unitConversion": {"operation": "DIVIDE", "factor": "3", "rounding": {"decimals": -1, "mode": "FLOOR"}}}']
    .map((modifiers) => ['pricing.price_version', 'modifiers', `'${modifiers}'`, version2] as const),
  ...['[]', '{"items": []}', '{"items": "x"}', '{"items": [{}]}', '{"items": [{"item": "requests", "priceCode": "No!", "quantity": "1", "meterCode": "requests"}]}', '{"items": [{"item": "requests", "priceCode": "requests", "quantity": "x", "meterCode": "requests"}]}']
    .map((payload) => ['subscription.subscription_fact', 'payload', `'${payload}'`, 'true'] as const),
  ...['["x"]', '[{}]', '[{"property": 1, "values": ["a"]}]', '[{"property": "a", "values": "b"}]'].map((filters) => ['metering.meter', 'filters', `'${filters}'`, 'true'] as const),
  ['subscription.subscription', 'customer_reference', "'a b'", 'true'],
  ['subscription.subscription', 'time_zone', "'Nowhere/Town'", 'true'],
  ['subscription.subscription', 'start_time', '9000000000000000000', 'true'],
  ['subscription.subscription', 'recorded_time', '9000000000000000000', 'true'],
  ['subscription.subscription_fact', 'recorded_time', '-9000000000000000000', 'true'],
  ['subscription.billing_cycle', 'start_time', '-9000000000000000000', 'cycle_index = 1'],
  ['subscription.billing_cycle', 'cycle_index', '2000000000', 'cycle_index = 3'],
  ['pricing.price', 'meter_code', "'No!'", "code = 'storage'"],
  ['pricing.price', 'meter_code', 'null', "code = 'storage'"],
  ['pricing.price', 'currency_code', "''", 'true'],
  ['pricing.price_version', 'effective_from_time', '9000000000000000000', version2],
  ['tenancy.organization', 'currency_code', "'XXX'", 'true'],
  ['tenancy.settings_version', 'recorded_time', '9000000000000000000', 'true'],
  ['metering.usage_event', 'recorded_time', '-9000000000000000000', 'true'],
  ['metering.usage_event', 'value', 'null', one],
];

test.each(garbage)('%s.%s = %s is an answer, not an error, and never a match', async (table, column, value, where) => {
  const names = await documents(book.scenario);
  const found = await tampered(book, table, `update ${table} set ${column} = ${value} where organization_id = $1 and ${where}`, () => verdicts(book.scenario, names));
  expect(found).not.toEqual(MATCH);
});

test.each([
  ['moved by five days', `update subscription.subscription_fact set effective_time = effective_time + ${DAYS(5)} where organization_id = $1 and kind = 'CANCELED'`],
  ['removed', "delete from subscription.subscription_fact where organization_id = $1 and kind = 'CANCELED'"],
  ['taken back', "update subscription.subscription_fact set kind = 'CANCEL_UNDONE' where organization_id = $1 and kind = 'CANCELED'"],
])('a cancel that was %s changes the fee of its last cycle', async (_, change) => {
  const scenario = await startScenario(book.valora, '2026-01-01T00:00:00Z');
  await scenario.plan('team', [fee]);
  await scenario.subscribe('acme', 'team', '2026-01-01T00:00:00Z');
  await scenario.cancel('acme', '2026-01-11T00:00:00Z');
  await scenario.advance('2026-02-02T00:00:00Z');
  expect(await verdicts(scenario)).toEqual(['match']);
  const found = await tampered({ ...book, scenario }, 'subscription.subscription_fact', change, () => verdicts(scenario));
  expect(found).toEqual([expect.stringMatching(/^billing_run\.subtotal: 6\.45 ≠ |^CUTOFF_MOVED$/)]);
});

test('after all that the book, put back each time, verifies as before', async () => {
  expect(await verdicts(book.scenario)).toEqual(MATCH);
});
