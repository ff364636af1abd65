// What applying a catalog would do, found by comparing it with what Valora has. What is there and the same is left alone; what
// is there and different is a problem, for nothing of a catalog ever changes.
import { status } from '@grpc/grpc-js';
import { CallError, textFromTimestamp, type ValoraClient } from '@valora/client';
import type { Meter } from '@valora/contracts/valora/metering/v1/meter';
import type { Plan, Price, PriceVersion } from '@valora/contracts/valora/pricing/v1/catalog';
import { canonicalJson, parseDecimal, type JsonValue } from '@valora/rating';
import { meterJson, planJson, priceJson, versionJson, type Catalog } from './catalog-file.ts';

export type Change =
  | { readonly kind: 'meter'; readonly name: string; readonly path: string; readonly meter: Meter }
  | { readonly kind: 'price'; readonly name: string; readonly path: string; readonly price: Price }
  | { readonly kind: 'price version'; readonly name: string; readonly path: string; readonly price: string; readonly version: PriceVersion }
  | { readonly kind: 'plan'; readonly name: string; readonly path: string; readonly plan: Plan };

export interface CatalogChanges {
  /** In the order in which they can be made. */
  readonly changes: readonly Change[];
  readonly unchangedCount: number;
  readonly problems: readonly string[];
}

const LOOK_UPS_AT_ONCE = 16;
/** What the server adds. */
const OUTPUT_ONLY = ['recordedTime', 'versions', 'bounds', 'version'];
const WITH_DECIMALS = ['model', 'modifiers'];

export async function catalogChanges(client: ValoraClient, catalog: Catalog): Promise<CatalogChanges> {
  const problems: string[] = [];
  let unchangedCount = 0;
  /** Whether it is new; a difference is noted. */
  const isNew = (path: string, wanted: JsonValue, stored: JsonValue | null, what: string): boolean => {
    if (stored === null) return true;
    if (canonicalJson(wanted) === canonicalJson(stored)) unchangedCount += 1;
    else problems.push(`${path}: ${what} exists with another definition, and none is ever changed: ${differenceOf(wanted, stored)}. Give the new one another name.`);
    return false;
  };

  const storedMeters = await lookUp(catalog.meters, async ({ code }) => (await client.meters.getMeter({ code })).meter);
  const storedPrices = await lookUp(catalog.prices, async ({ code }) => (await client.catalog.getPrice({ code })).price);
  const storedPlans = await lookUp(catalog.plans, async ({ code }) => (await client.catalog.getPlan({ code })).plan);
  const meters = catalog.meters.flatMap((meter, position): Change[] => {
    const stored = storedMeters[position] ?? null;
    const path = `meters[${position}]`;
    return isNew(path, definition(meterJson.toSparseJson(meter)), stored && definition(meterJson.toSparseJson(stored)), `meter "${meter.code}"`) ? [{ kind: 'meter', name: meter.code, path, meter }] : [];
  });
  const prices = catalog.prices.flatMap((price, position): Change[] => {
    const stored = storedPrices[position] ?? null;
    const path = `prices[${position}]`;
    return isNew(path, definition(priceJson.toSparseJson(price)), stored && definition(priceJson.toSparseJson(stored)), `price "${price.code}"`) ? [{ kind: 'price', name: price.code, path, price: { ...price, versions: [] } }] : [];
  });
  const versions = catalog.prices.flatMap((price, position) => price.versions.flatMap((version, index): Change[] => {
    const from = startOf(version);
    const stored = storedPrices[position]?.versions.find((each) => startOf(each) === from) ?? null;
    const path = `prices[${position}].versions[${index}]`;
    const wanted = definition(versionJson.toSparseJson(version));
    return isNew(path, wanted, stored && definition(versionJson.toSparseJson(stored)), `a version of "${price.code}" from ${from}`)
      ? [{ kind: 'price version', name: `${price.code} from ${from}`, path, price: price.code, version }]
      : [];
  }));
  const plans = catalog.plans.flatMap((plan, position): Change[] => {
    const stored = storedPlans[position] ?? null;
    const path = `plans[${position}]`;
    return isNew(path, definition(planJson.toSparseJson(plan)), stored && definition(planJson.toSparseJson(stored)), `plan "${plan.code}"`) ? [{ kind: 'plan', name: plan.code, path, plan }] : [];
  });
  problems.push(...await missingReferences(client, catalog));
  return { changes: [...meters, ...prices, ...versions, ...plans], unchangedCount, problems };
}

function startOf({ effectiveFromTime }: PriceVersion): string {
  return effectiveFromTime === undefined ? '' : textFromTimestamp(effectiveFromTime);
}

/** Meters and prices that are named, and neither in the file nor in Valora. */
async function missingReferences(client: ValoraClient, { meters, prices, plans }: Catalog): Promise<string[]> {
  const named = (kind: string, own: readonly { readonly code: string }[], references: readonly (readonly [path: string, code: string])[]) =>
    references.filter(([, code]) => code !== '' && !own.some((each) => each.code === code)).map(([path, code]) => ({ kind, path, code }));
  const wanted = [
    ...named('meter', meters, prices.map(({ meter }, position) => [`prices[${position}].meter`, meter])),
    ...named('price', prices, plans.flatMap((plan, position) => plan.prices.map((code, index) => [`plans[${position}].prices[${index}]`, code] as const))),
  ];
  const found = await lookUp(wanted, async ({ kind, code }) => (kind === 'meter' ? (await client.meters.getMeter({ code })).meter : (await client.catalog.getPrice({ code })).price));
  return wanted.filter((_, position) => found[position] === undefined).map(({ kind, path, code }) => `${path}: there is no ${kind} "${code}", neither in this file nor in Valora.`);
}

/** Asks for each, a few at a time; what does not exist is undefined. */
async function lookUp<Wanted, Found>(wanted: readonly Wanted[], find: (each: Wanted) => Promise<Found | undefined>): Promise<(Found | undefined)[]> {
  const found: (Found | undefined)[] = [];
  for (let position = 0; position < wanted.length; position += LOOK_UPS_AT_ONCE) {
    found.push(...await Promise.all(wanted.slice(position, position + LOOK_UPS_AT_ONCE).map((each) => find(each).catch((error: unknown) => {
      if (error instanceof CallError && error.code === status.NOT_FOUND) return undefined;
      throw error;
    }))));
  }
  return found;
}

/** What the caller defines, each decimal of a model or modifier in its one form; modifiers that are none are left out. */
function definition(json: unknown): JsonValue {
  return Object.fromEntries(Object.entries(json as Readonly<Record<string, JsonValue>>)
    .filter(([name, value]) => !OUTPUT_ONLY.includes(name) && !(name === 'modifiers' && canonicalJson(value) === '{}'))
    .map(([name, value]) => [name, WITH_DECIMALS.includes(name) ? withCanonicalDecimals(value) : value]));
}

function withCanonicalDecimals(json: JsonValue): JsonValue {
  if (typeof json === 'string') return /^-?\d{1,40}(\.\d{1,40})?$/.test(json) ? parseDecimal(json) : json;
  if (typeof json !== 'object' || json === null) return json;
  if (isList(json)) return json.map(withCanonicalDecimals);
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, withCanonicalDecimals(value)]));
}

function isList(json: object): json is readonly JsonValue[] {
  return Array.isArray(json);
}

function differenceOf(wanted: JsonValue, stored: JsonValue): string {
  const [ours, theirs] = [Object(wanted), Object(stored)] as Readonly<Record<string, JsonValue>>[];
  const names = [...new Set([...Object.keys(ours ?? {}), ...Object.keys(theirs ?? {})])].filter((name) => JSON.stringify(ours?.[name]) !== JSON.stringify(theirs?.[name]));
  return names.map((name) => `${name} is ${JSON.stringify(theirs?.[name] ?? null)} and the file says ${JSON.stringify(ours?.[name] ?? null)}`).join('; ');
}
