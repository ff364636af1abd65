// PublishPriceVersion: the new version and the bound of its predecessor, recorded together.
import { Fields, mutate, type CallContext } from '@valora/chassis';
import {
  CatalogServiceService, type ModelWarning, type PublishPriceVersionRequest, type PublishPriceVersionResponse,
} from '@valora/contracts/valora/pricing/v1/catalog';
import { formatInstant, type Instant, type Price, type PriceProblem, type PriceRule } from '@valora/rating';
import type { CatalogDependencies } from './catalog.ts';
import { errors } from './errors.ts';
import { findPrice, insertPriceVersion, insertPriceVersionBound, lockPrice } from './price-store.ts';
import { parsePriceRule } from './price-rule.ts';
import { priceVersionToProto } from './price.ts';
import { planPublication, type Publication } from './publication.ts';

export async function publishPriceVersion(dependencies: CatalogDependencies, context: CallContext, request: PublishPriceVersionRequest): Promise<PublishPriceVersionResponse> {
  const { organizationId } = context;
  const { priceCode, publication, rule, warnings } = parsePublication(request);
  return await mutate(dependencies, { context, method: CatalogServiceService.publishPriceVersion, request }, async (tx, takenTime) => {
    await lockPrice(tx, priceCode);
    const price = await findPrice(tx, organizationId, priceCode);
    const recordedTime = recordedAfter(price, takenTime);
    requireMatchingModel(price, rule);
    if (!request.allowBackDating) requireNotBackDated(publication, takenTime);
    const { version: number, boundedVersion, leavesGap } = planPublication(price, publication);

    const version = { version: number, ...publication, recordedTime, ...rule };
    await insertPriceVersion(tx, organizationId, { priceCode, version });
    if (boundedVersion !== null) {
      const bound = { version: boundedVersion, effectiveTo: publication.effectiveFrom, recordedTime };
      await insertPriceVersionBound(tx, organizationId, { priceCode, byVersion: number, bound });
    }
    return { version: priceVersionToProto(version), warnings: [...warnings.map(warningToProto), ...(leavesGap ? [gapWarning(boundedVersion)] : [])] };
  });
}

function parsePublication(request: PublishPriceVersionRequest): { priceCode: string; publication: Publication; rule: PriceRule; warnings: readonly PriceProblem[] } {
  const fields = new Fields();
  fields.requestId(request.requestId);
  const priceCode = fields.code('price', request.price);
  const effectiveFrom = fields.instant('effective_from_time', request.effectiveFromTime);
  const effectiveTo = fields.optionalInstant('effective_to_time', request.effectiveToTime);
  if (effectiveTo !== null && effectiveTo <= effectiveFrom) fields.refuse('effective_to_time', 'OUT_OF_ORDER', 'Must lie after effective_from_time.');
  const { rule, warnings } = parsePriceRule(fields, '', request);
  fields.check();
  return { priceCode, publication: { effectiveFrom, effectiveTo }, rule, warnings };
}

/** A metered price rates usage, and FLAT knows none; PERCENTAGE counts events, and a fee has none. */
function requireMatchingModel({ code, meterCode }: Price, { model: { kind } }: PriceRule): void {
  if (meterCode !== null && kind === 'FLAT') throw errors.MODEL_MISMATCH({ price: code, model: kind, meter: meterCode, because: `it rates the meter "${meterCode}", and a FLAT amount rates no usage` });
  if (meterCode === null && kind === 'PERCENTAGE') throw errors.MODEL_MISMATCH({ price: code, model: kind, meter: '', because: 'it has no meter, and a PERCENTAGE rates events' });
}

/**
 * Publications of a price are recorded in the order of their numbers. One that waited for another took its time before that
 * one did; recorded earlier, it would be known to runs that don't know the bound between the two.
 */
function recordedAfter({ versions, bounds }: Price, takenTime: Instant): Instant {
  return [...versions, ...bounds].reduce((latest, { recordedTime }) => (recordedTime > latest ? recordedTime : latest), takenTime);
}

function requireNotBackDated({ effectiveFrom }: Publication, currentTime: Instant): void {
  if (effectiveFrom < currentTime) {
    throw errors.PRICE_VERSION_BACK_DATED({ effective_from_time: formatInstant(effectiveFrom), current_time: formatInstant(currentTime) });
  }
}

function warningToProto({ path, reason, message }: PriceProblem): ModelWarning {
  return { field: path, reason, message };
}

function gapWarning(boundedVersion: number | null): ModelWarning {
  return {
    field: 'effective_to_time',
    reason: 'NO_VERSION_AFTERWARDS',
    message: `Version ${boundedVersion} ends where this one starts and does not come back when it ends. Publish a version from there on, or runs of later periods stop.`,
  };
}
