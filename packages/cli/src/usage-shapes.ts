// How usage is shown: events, their voids and releases, and quantities by window.
import { UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import type { QueryUsageResponse } from '@valora/contracts/valora/metering/v1/query_usage';
import { UsageRelease, UsageVoid } from '@valora/contracts/valora/metering/v1/usage_correction';
import type { GroupProperty, UsageFraction } from '@valora/contracts/valora/metering/v1/usage_quantity';
import type { Column, ListShape } from './output.ts';
import { protoJson } from './proto-json.ts';
import { time } from './shapes.ts';

function column<Row>(title: string, text: (row: Row) => string, right = false): Column<Row> {
  return { title, text, right };
}

function propertiesText(properties: ReadonlyMap<string, string>): string {
  return [...properties].map(([name, value]) => `${name}=${value}`).join(' ');
}

export const usageEventShape: ListShape<UsageEvent> = {
  json: protoJson('valora.metering.v1.UsageEvent', UsageEvent).toJson,
  columns: [
    column('KEY', ({ idempotencyKey }) => idempotencyKey), column('METER', ({ meter }) => meter), column('CUSTOMER', ({ customer }) => customer), column('SUBSCRIPTION', ({ subscription }) => subscription),
    column('HAPPENED', ({ eventTime }) => time(eventTime)), column('VALUE', ({ value }) => value, true), column('PROPERTIES', ({ properties }) => propertiesText(properties)),
    column('RECORDED', ({ recordedTime }) => time(recordedTime)), column('CORRECTED', ({ void: voided, release }) => [...(voided === undefined ? [] : ['voided']), ...(release === undefined ? [] : ['released'])].join(' ')),
  ],
};

/** One event with all that is known of it, as name and text. */
export function usageEventLines({ void: voided, release, ...event }: UsageEvent): (readonly [name: string, text: string])[] {
  const corrected = (name: string, correction: UsageVoid | UsageRelease | undefined): (readonly [string, string])[] => (correction === undefined ? [] : [[name, `${time(correction.recordedTime)}  ${correction.reason}`]]);
  return [
    ['key', event.idempotencyKey], ['meter', event.meter], ['customer', event.customer], ['subscription', event.subscription], ['happened', time(event.eventTime)], ['value', event.value],
    ...[...event.properties].map(([name, value]) => [`property ${name}`, value] as const), ['recorded', time(event.recordedTime)], ...corrected('voided', voided), ...corrected('released', release),
  ];
}

const correctionColumns: readonly Column<UsageVoid | UsageRelease>[] = [
  column('KEY', ({ idempotencyKey }) => idempotencyKey), column('RECORDED', ({ recordedTime }) => time(recordedTime)), column('REASON', ({ reason }) => reason),
];
export const usageVoidShape: ListShape<UsageVoid> = { json: protoJson('valora.metering.v1.UsageVoid', UsageVoid).toJson, columns: correctionColumns };
export const usageReleaseShape: ListShape<UsageRelease> = { json: protoJson('valora.metering.v1.UsageRelease', UsageRelease).toJson, columns: correctionColumns };

function quantityText(quantity: string, fraction: UsageFraction | undefined): string {
  return quantity === '' && fraction !== undefined ? `${fraction.numerator}/${fraction.denominator}` : quantity;
}

/** The windows of a query as the rows of a table: each whole, and below it its groups. */
export function windowRows({ windows }: QueryUsageResponse, groupBy: readonly string[]): string[][] {
  // The server names a group's properties in the order of their names.
  const names = groupBy.toSorted();
  const cell = (group: readonly GroupProperty[], name: string): string => group.find((each) => each.name === name)?.value ?? '(none)';
  return [
    ['START', 'END', ...names.map((name) => name.toUpperCase()), 'EVENTS', 'QUANTITY'],
    ...windows.flatMap(({ period, eventCount, quantity, quantityFraction, groups }) => [
      [time(period?.startTime), time(period?.endTime), ...names.map(() => '(all)'), String(eventCount), quantityText(quantity, quantityFraction)],
      ...groups.map((each) => ['', '', ...names.map((name) => cell(each.group, name)), String(each.eventCount), quantityText(each.quantity, each.quantityFraction)]),
    ]),
  ];
}
