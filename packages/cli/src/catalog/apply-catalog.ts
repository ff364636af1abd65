// Applying a catalog: the same file twice does what it says once. Request ids follow from what is asked for, so that a run
// that broke off is taken up by the next.
import { CallError, type ValoraClient } from '@valora/client';
import { CreateMeterRequest } from '@valora/contracts/valora/metering/v1/meter';
import { CreatePlanRequest, CreatePriceRequest, PublishPriceVersionRequest, type ModelWarning } from '@valora/contracts/valora/pricing/v1/catalog';
import { sha256Hex } from '@valora/rating';
import { catalogChanges, type Change } from './catalog-changes.ts';
import { CatalogRefused, type Catalog } from './catalog-file.ts';

export interface ApplyOptions {
  /** Prices without a currency get this one. */
  readonly currencyCode: string;
  readonly allowBackDating: boolean;
  readonly dryRun: boolean;
}

export interface AppliedCatalog {
  /** What was made; in a dry run what would be. */
  readonly changes: readonly Change[];
  readonly unchangedCount: number;
  readonly warnings: readonly (ModelWarning & { readonly path: string })[];
}

/** Throws CatalogRefused with every problem: before anything is made where it can be known, else with what was made before it. */
export async function applyCatalog(client: ValoraClient, catalog: Catalog, { currencyCode, allowBackDating, dryRun }: ApplyOptions): Promise<AppliedCatalog> {
  const filled: Catalog = { ...catalog, prices: catalog.prices.map((price) => ({ ...price, currencyCode: price.currencyCode === '' ? currencyCode : price.currencyCode })) };
  const { changes, unchangedCount, problems } = await catalogChanges(client, filled);
  if (problems.length > 0) throw new CatalogRefused(problems);
  const warnings: (ModelWarning & { path: string })[] = [];
  if (dryRun) return { changes, unchangedCount, warnings };
  const refused: string[] = [];
  let fix = '';
  for (const kind of ['meter', 'price', 'price version', 'plan'] as const) {
    for (const change of changes.filter((each) => each.kind === kind)) {
      try {
        warnings.push(...(await make(client, change, allowBackDating)).map((warning) => ({ ...warning, path: change.path })));
      } catch (error) {
        if (!(error instanceof CallError) || error.reason === '') throw error;
        refused.push(`${change.path}: ${error.reason} ${error.details}`);
        if (error.reason === 'PRICE_VERSION_BACK_DATED') fix = ' If the dates in the past are meant, do it with --allow-back-dating.';
      }
    }
    // What comes next builds on this.
    if (refused.length > 0) throw new CatalogRefused(refused, `The rest of this kind and what comes before it was applied; mend these and apply the file again.${fix}`);
  }
  return { changes, unchangedCount, warnings };
}

async function make(client: ValoraClient, change: Change, allowBackDating: boolean): Promise<readonly ModelWarning[]> {
  switch (change.kind) {
    case 'meter': {
      const request = { requestId: '', meter: change.meter };
      await client.meters.createMeter({ ...request, requestId: requestIdOf(CreateMeterRequest.encode(request)) });
      return [];
    }
    case 'price': {
      const request = { requestId: '', price: change.price };
      await client.catalog.createPrice({ ...request, requestId: requestIdOf(CreatePriceRequest.encode(request)) });
      return [];
    }
    case 'price version': {
      const { effectiveFromTime, effectiveToTime, model, modifiers } = change.version;
      const request = { requestId: '', price: change.price, effectiveFromTime, effectiveToTime, model, modifiers, allowBackDating };
      return (await client.catalog.publishPriceVersion({ ...request, requestId: requestIdOf(PublishPriceVersionRequest.encode(request)) })).warnings;
    }
    case 'plan': {
      const request = { requestId: '', plan: change.plan };
      await client.catalog.createPlan({ ...request, requestId: requestIdOf(CreatePlanRequest.encode(request)) });
      return [];
    }
  }
}

/** The same for the same request. */
function requestIdOf(encoded: { finish(): Uint8Array }): string {
  return `catalog ${sha256Hex(Buffer.from(encoded.finish()).toString('base64'))}`;
}
