/** Meters in the database, and the ones already read in memory. */
import { isCode, type Page } from '@valora/chassis';
import { instant, type AggregationKind, type PropertyFilter } from '@valora/rating';
import type { Dependencies, Transaction } from './dependencies.ts';
import type { Meter as MeterRow } from './generated/prisma/client.ts';
import { isAggregationKind, type Meter, type MetersByCode } from './meter.ts';

export interface MeterCache {
  /** The existing meters among `codes`. */
  find(organizationId: string, codes: ReadonlySet<string>): Promise<MetersByCode>;
}

const REMEMBERED_MAX = 10_000;

/** Stores a new meter; false if its code is taken. */
export async function insertMeter(tx: Transaction, organizationId: string, { filters, ...meter }: Meter): Promise<boolean> {
  const { count } = await tx.meter.createMany({
    data: [{ organizationId, ...meter, filters: filters.map(({ property, values }) => ({ property, values: [...values] })) }],
    skipDuplicates: true,
  });
  return count === 1;
}

export async function findMeters(tx: Transaction, organizationId: string, codes: readonly string[]): Promise<Meter[]> {
  return (await tx.meter.findMany({ where: { organizationId, code: { in: [...codes] } } })).map(meterFromRow);
}

/** One meter more than the page holds, so that the caller sees whether there is another page. */
export async function listMetersByCode(tx: Transaction, organizationId: string, { size, after }: Page): Promise<Meter[]> {
  const [start = ''] = after ?? [];
  return (await tx.meter.findMany({ where: { organizationId, code: { gt: start } }, orderBy: { code: 'asc' }, take: size + 1 })).map(meterFromRow);
}

/** Remembers meters, which never change; what does not exist is asked for again each time, because it may come to exist. */
export function createMeterCache({ database }: Pick<Dependencies, 'database'>): MeterCache {
  const remembered = new Map<string, Map<string, Meter>>();
  let rememberedCount = 0;

  function remember(organizationId: string, meters: readonly Meter[]): Map<string, Meter> {
    if (rememberedCount >= REMEMBERED_MAX) {
      remembered.clear();
      rememberedCount = 0;
    }
    const known = remembered.get(organizationId) ?? new Map<string, Meter>();
    remembered.set(organizationId, known);
    for (const meter of meters) known.set(meter.code, meter);
    rememberedCount += meters.length;
    return known;
  }

  return {
    async find(organizationId, codes) {
      const known = remembered.get(organizationId);
      const missing = [...codes].filter((code) => known?.has(code) !== true && isCode(code));
      if (missing.length === 0) return known ?? new Map<string, Meter>();
      const read = await database.transaction(organizationId, (tx) => findMeters(tx, organizationId, missing));
      return new Map([...(known ?? []), ...remember(organizationId, read)]);
    },
  };
}

function meterFromRow({ code, displayName, aggregation, filters, uniqueProperty, takesNegativeValues, recordedTime }: MeterRow): Meter {
  return {
    code, displayName, uniqueProperty, takesNegativeValues,
    aggregation: aggregationFromRow(aggregation), filters: filters as unknown as PropertyFilter[], recordedTime: instant(recordedTime),
  };
}

function aggregationFromRow(text: string): AggregationKind {
  if (isAggregationKind(text)) return text;
  throw new Error(`a stored aggregation reads ${text}`);
}
