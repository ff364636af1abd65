// All SQL of prices, their versions and bounds.
import { commonErrors, isUniqueViolation, sqlOf } from '@valora/chassis';
import { instant, type Instant, type PriceVersion, type PriceVersionBound, USUAL_TERMS } from '@valora/rating';
import type { Transaction } from './database.ts';
import type { Prisma } from './generated/prisma/client.ts';
import { VERSION_RESOLUTIONS, type CatalogPrice, type PriceDraft } from './price.ts';
import { priceModelFromStored, priceModifiersFromStored } from './stored-price-rule.ts';

const withVersions = { versions: { include: { bounds: true }, orderBy: { version: 'asc' } } } as const satisfies Prisma.PriceInclude;
type PriceRow = Prisma.PriceGetPayload<{ include: typeof withVersions }>;

function priceFromRow({ code, displayName, meterCode, currencyCode, recordedTime, versionResolution, versions }: PriceRow): CatalogPrice {
  const bounds = versions.flatMap((version) => version.bounds).toSorted((one, other) => one.byVersion - other.byVersion);
  return {
    ...USUAL_TERMS,
    versionResolution: resolutionFromRow(versionResolution),
    code,
    displayName,
    meterCode,
    currencyCode,
    recordedTime: instant(recordedTime),
    versions: versions.map((version) => ({
      version: version.version,
      effectiveFrom: instant(version.effectiveFromTime),
      effectiveTo: version.effectiveToTime === null ? null : instant(version.effectiveToTime),
      recordedTime: instant(version.recordedTime),
      model: priceModelFromStored(version.model),
      ...priceModifiersFromStored(version.modifiers),
    })),
    bounds: bounds.map((bound) => ({ version: bound.version, effectiveTo: instant(bound.effectiveToTime), recordedTime: instant(bound.recordedTime) })),
  };
}

function resolutionFromRow(text: string): CatalogPrice['versionResolution'] {
  const found = VERSION_RESOLUTIONS.find((resolution) => resolution === text);
  if (found === undefined) throw new Error(`a stored price resolves its versions by ${text}`);
  return found;
}

/** Errors: ALREADY_EXISTS. */
export async function insertPrice(tx: Transaction, organizationId: string, draft: PriceDraft, recordedTime: Instant): Promise<CatalogPrice> {
  try {
    await tx.price.create({ data: { organizationId, ...draft, recordedTime } });
  } catch (error) {
    if (isUniqueViolation(error)) throw commonErrors.ALREADY_EXISTS({ resource: 'price', name: draft.code });
    throw error;
  }
  return { ...USUAL_TERMS, ...draft, recordedTime, versions: [], bounds: [] };
}

/** Errors: NOT_FOUND. */
export async function findPrice(tx: Transaction, organizationId: string, code: string): Promise<CatalogPrice> {
  const row = await tx.price.findUnique({ where: { organizationId_code: { organizationId, code } }, include: withVersions });
  if (row === null) throw commonErrors.NOT_FOUND({ resource: 'price', name: code });
  return priceFromRow(row);
}

/** Those of the codes that exist, by code. */
export async function findPrices(tx: Transaction, organizationId: string, codes: readonly string[]): Promise<readonly CatalogPrice[]> {
  const rows = await tx.price.findMany({ where: { organizationId, code: { in: [...codes] } }, include: withVersions, orderBy: { code: 'asc' } });
  return rows.map(priceFromRow);
}

/** Up to `limit` prices after a code, by code. */
export async function listPricesAfter(tx: Transaction, organizationId: string, { after, limit }: { after: string | null; limit: number }): Promise<readonly CatalogPrice[]> {
  const rows = await tx.price.findMany({
    where: { organizationId, ...(after === null ? {} : { code: { gt: after } }) },
    include: withVersions,
    orderBy: { code: 'asc' },
    take: limit,
  });
  return rows.map(priceFromRow);
}

/**
 * Lets one publication of a price in at a time, until the transaction ends. A row lock would need the right to update the
 * row, which nobody has. Read the price in a later statement: one begun before the wait would miss what was published.
 */
export async function lockPrice(tx: Transaction, code: string): Promise<void> {
  await sqlOf(tx).query(`select pg_advisory_xact_lock(hashtextextended(jsonb_build_array(current_organization(), 'price', $1::text)::text, 0))::text`, [code]);
}

export async function insertPriceVersion(
  tx: Transaction,
  organizationId: string,
  { priceCode, version: { version, model, modifiers, effectiveFrom, effectiveTo, recordedTime } }: { priceCode: string; version: PriceVersion },
): Promise<void> {
  await tx.priceVersion.create({
    data: {
      organizationId, priceCode, version, model, ...(modifiers === undefined ? {} : { modifiers }), effectiveFromTime: effectiveFrom, effectiveToTime: effectiveTo, recordedTime,
    },
  });
}

export async function insertPriceVersionBound(
  tx: Transaction,
  organizationId: string,
  { priceCode, byVersion, bound: { version, effectiveTo, recordedTime } }: { priceCode: string; byVersion: number; bound: PriceVersionBound },
): Promise<void> {
  await tx.priceVersionBound.create({ data: { organizationId, priceCode, byVersion, version, effectiveToTime: effectiveTo, recordedTime } });
}
