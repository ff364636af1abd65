// A catalog as a file: meters, prices with their versions, plans, each as the contract's JSON. Everything that can be known
// from the file alone is checked here, and every problem is named, not the first one only.
import { Fields } from '@valora/chassis';
import { Aggregation, Meter } from '@valora/contracts/valora/metering/v1/meter';
import { BillingTiming, Plan, Price, PriceVersion, VersionResolution } from '@valora/contracts/valora/pricing/v1/catalog';
import { PeriodInterval } from '@valora/contracts/valora/type/v1/period';
import { parsePriceRule } from '@valora/pricing/price-rule';
import { CommandError } from '../command.ts';
import { protoJson, type ProtoJson } from '../proto-json.ts';

export interface Catalog {
  readonly meters: readonly Meter[];
  readonly prices: readonly Price[];
  readonly plans: readonly Plan[];
}

/** The catalog can't be applied as it is. */
export class CatalogRefused extends CommandError {
  readonly problems: readonly string[];
  constructor(problems: readonly string[], applied = 'Nothing was applied.') {
    super(`The catalog has ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}. ${applied}\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

export const meterJson = protoJson('valora.metering.v1.Meter', Meter);
export const priceJson = protoJson('valora.pricing.v1.Price', Price);
export const versionJson = protoJson('valora.pricing.v1.PriceVersion', PriceVersion);
export const planJson = protoJson('valora.pricing.v1.Plan', Plan);

const LISTS = ['meters', 'prices', 'plans'];

/** Reads the text of a file. Throws CatalogRefused. */
export function parseCatalog(text: string): Catalog {
  return catalogFromJson(parseJson(text));
}

/** Reads a catalog that was written in code. Throws CatalogRefused. */
export function catalogFromJson(json: unknown): Catalog {
  const problems: string[] = [];
  const members = objectOf(json);
  if (members === null) throw new CatalogRefused(['It must be an object with the lists meters, prices and plans.']);
  for (const name of Object.keys(members)) if (!LISTS.includes(name)) problems.push(`${name}: there is no such list; a catalog has ${LISTS.join(', ')}.`);
  const list = (name: string): readonly unknown[] => {
    const value = members[name] ?? [];
    if (!Array.isArray(value)) problems.push(`${name}: must be a list.`);
    return Array.isArray(value) ? value : [];
  };
  const read = <Message>(path: string, element: unknown, { fromJson }: ProtoJson<Message>): Message | null => {
    try {
      return fromJson(element);
    } catch (error) {
      problems.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  };
  const catalog: Catalog = {
    meters: list('meters').flatMap((element, position) => withDefaults(read(`meters[${position}]`, element, meterJson), meterWithDefaults)),
    prices: list('prices').flatMap((element, position) => {
      const path = `prices[${position}]`;
      const { versions = [], ...price } = objectOf(element) ?? {};
      if (!Array.isArray(versions)) problems.push(`${path}.versions: must be a list.`);
      const publishable = (Array.isArray(versions) ? versions : []).flatMap((version, index) => read(`${path}.versions[${index}]`, version, versionJson) ?? []);
      return withDefaults(read(path, objectOf(element) === null ? element : price, priceJson), (message) => ({ ...priceWithDefaults(message), versions: publishable }));
    }),
    plans: list('plans').flatMap((element, position) => withDefaults(read(`plans[${position}]`, element, planJson), planWithDefaults)),
  };
  if (problems.length === 0) problems.push(...catalogProblems(catalog));
  if (problems.length > 0) throw new CatalogRefused(problems);
  return catalog;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CatalogRefused([`It is no JSON: ${error instanceof Error ? error.message : String(error)}`]);
  }
}

function objectOf(json: unknown): Readonly<Record<string, unknown>> | null {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Readonly<Record<string, unknown>>) : null;
}

function withDefaults<Message>(message: Message | null, fill: (message: Message) => Message): Message[] {
  return message === null ? [] : [fill(message)];
}

const meterWithDefaults = (meter: Meter): Meter => ({ ...meter, displayName: meter.displayName === '' ? meter.code : meter.displayName });
const priceWithDefaults = (price: Price): Price => ({
  ...price,
  displayName: price.displayName === '' ? price.code : price.displayName,
  billingTiming: price.billingTiming === BillingTiming.UNSPECIFIED ? BillingTiming.IN_ARREARS : price.billingTiming,
  versionResolution: price.versionResolution === VersionResolution.UNSPECIFIED ? VersionResolution.PERIOD_START : price.versionResolution,
});
const planWithDefaults = (plan: Plan): Plan => ({
  ...plan,
  displayName: plan.displayName === '' ? plan.code : plan.displayName,
  interval: plan.interval === PeriodInterval.UNSPECIFIED ? PeriodInterval.MONTH : plan.interval,
  intervalCount: plan.intervalCount === 0 ? 1 : plan.intervalCount,
});

/** What the file's parts say about each other, and what the core says about each version. */
function catalogProblems({ meters, prices, plans }: Catalog): string[] {
  const fields = new Fields();
  for (const [name, list] of [['meters', meters], ['prices', prices], ['plans', plans]] as const) {
    const codes = list.map(({ code }) => code);
    codes.forEach((code, position) => {
      fields.code(`${name}[${position}].code`, code);
      if (codes.indexOf(code) < position) fields.refuse(`${name}[${position}].code`, 'REPEATED', `"${code}" stands above already; give it once.`);
    });
  }
  meters.forEach(({ aggregation, uniqueProperty }, position) => {
    if (aggregation === Aggregation.UNSPECIFIED) fields.refuse(`meters[${position}].aggregation`, 'MISSING', 'Must be given, for example "SUM".');
    else if (aggregation === Aggregation.UNIQUE_COUNT && uniqueProperty === '') fields.refuse(`meters[${position}].uniqueProperty`, 'MISSING', 'Must be given: the property whose different values are counted.');
    else if (aggregation !== Aggregation.UNIQUE_COUNT && uniqueProperty !== '') fields.refuse(`meters[${position}].uniqueProperty`, 'NOT_ALLOWED', 'Only UNIQUE_COUNT counts the values of a property.');
  });
  prices.forEach(({ versions }, position) => {
    const from = versions.map(({ effectiveFromTime }) => (effectiveFromTime === undefined ? null : `${effectiveFromTime.seconds}.${effectiveFromTime.nanos}`));
    versions.forEach(({ effectiveFromTime, model, modifiers }, index) => {
      const path = `prices[${position}].versions[${index}]`;
      if (effectiveFromTime === undefined) fields.refuse(`${path}.effectiveFromTime`, 'MISSING', 'Must be given, for example "2026-01-01T00:00:00Z".');
      else if (from.indexOf(from[index] ?? null) < index) fields.refuse(`${path}.effectiveFromTime`, 'REPEATED', 'Another version starts at this time.');
      parsePriceRule(fields, `${path}.`, { model, modifiers });
    });
  });
  plans.forEach(({ prices: codes }, position) => {
    if (codes.length === 0) fields.refuse(`plans[${position}].prices`, 'COUNT', 'A plan needs a price.');
    for (const code of codes) if (codes.indexOf(code) < codes.lastIndexOf(code)) fields.refuse(`plans[${position}].prices`, 'REPEATED', `"${code}" is named twice.`);
  });
  return [...new Set(fields.violations.map(({ field, description }) => `${field}: ${description}`))];
}
