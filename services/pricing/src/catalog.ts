// The catalog's rpcs and what they stand on.
import type { CallContext, Handlers, RecordingDependencies } from '@valora/chassis';
import type { CatalogServiceService } from '@valora/contracts/valora/pricing/v1/catalog';
import { createPlan } from './create-plan.ts';
import { createPrice } from './create-price.ts';
import type { Transaction } from './database.ts';
import { publishPriceVersion } from './publish-price-version.ts';
import { getPlan, listPlans } from './read-plans.ts';
import { batchGetPrices, getPrice, listPrices } from './read-prices.ts';

export interface CatalogDependencies extends RecordingDependencies<Transaction> {
  /** The organization's one currency. */
  findCurrency(context: CallContext): Promise<string>;
  meterExists(context: CallContext, code: string): Promise<boolean>;
}

export function catalogHandlers(dependencies: CatalogDependencies): Handlers<typeof CatalogServiceService> {
  return {
    createPrice: (context, request) => createPrice(dependencies, context, request),
    publishPriceVersion: (context, request) => publishPriceVersion(dependencies, context, request),
    getPrice: (context, request) => getPrice(dependencies, context, request),
    listPrices: (context, request) => listPrices(dependencies, context, request),
    batchGetPrices: (context, request) => batchGetPrices(dependencies, context, request),
    createPlan: (context, request) => createPlan(dependencies, context, request),
    getPlan: (context, request) => getPlan(dependencies, context, request),
    listPlans: (context, request) => listPlans(dependencies, context, request),
  };
}
