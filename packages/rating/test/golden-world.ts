/**
 * Golden invoices: a world small enough to work out with a pencil, its run, and what must come of it to the byte. They lie in a folder for each engine version, whose arithmetic
 * they hold for ever: a run that is stored is always composed again with its own.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { parseDecimal, parseInstant, RatingError, type ChargingTerms, type LatenessPolicy, type Price, type PriceModel, type PriceModifiers, type RoundingMode } from '../src/index.ts';
import { type Change, factsOf, type Items } from './subscription-facts.ts';
import { event, flat, graduated, perUnit, price, SETTINGS, volume, type RecordedEvent, type World } from './world.ts';

export interface Golden {
  readonly name: string;
  readonly engineVersion: number;
  readonly about: string;
  readonly run: number;
  readonly world: World;
  readonly expected: {
    /** What the lines sum to, where that is not the total. */
    readonly subtotal?: string;
    /** Credits used, by the run that made them. */
    readonly credits?: readonly { readonly run: number; readonly amount: string }[];
    readonly total: string;
    /** What the run owes instead. */
    readonly creditNote?: string;
    /** Every line's trace as printed. */
    readonly derivation: readonly string[];
    readonly digest: string;
  };
}

interface GoldenPrice {
  readonly code: string;
  readonly meter?: string;
  readonly flat?: string;
  readonly perUnit?: string;
  readonly graduated?: readonly string[];
  readonly volume?: readonly string[];
  /** As in the core; decimals need not be canonical. */
  readonly model?: PriceModel;
  readonly modifiers?: PriceModifiers;
  readonly terms?: Partial<ChargingTerms>;
  /** Further versions, each from a date on, which ends the one before. */
  readonly then?: readonly { readonly from: string; readonly model: PriceModel; readonly modifiers?: PriceModifiers }[];
}

interface GoldenFile {
  readonly about: string;
  readonly start: string;
  readonly zone?: string;
  readonly alignment?: 'CALENDAR';
  readonly canceled?: readonly [effective: string, recorded: string][];
  /** What it starts with; one of each price if absent. */
  readonly items?: Items;
  readonly changes?: readonly Change[];
  readonly trialEnd?: string;
  readonly meters?: World['meters'];
  readonly currency: string;
  readonly roundingMode?: RoundingMode;
  readonly keepZeroLines?: boolean;
  readonly prices: readonly GoldenPrice[];
  readonly latenessPolicy?: LatenessPolicy;
  /** Of the events of these keys. */
  readonly voided?: Readonly<Record<string, string>>;
  readonly released?: Readonly<Record<string, string>>;
  readonly events: readonly [key: string, meter: string, time: string, value: string, recorded?: string, properties?: Readonly<Record<string, string>>][];
  readonly run: number;
  readonly expected: Golden['expected'];
}

const FOLDER = new URL('./golden/', import.meta.url);

export function goldens(): readonly Golden[] {
  return readdirSync(FOLDER).sort().flatMap((version) => {
    const folder = new URL(`${version}/`, FOLDER);
    return readdirSync(folder).sort().map((file) => goldenOf(file.replace('.json', ''), Number(version.replace('version-', '')), JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as GoldenFile));
  });
}

function goldenOf(name: string, engineVersion: number, file: GoldenFile): Golden {
  const { roundingMode = SETTINGS.roundingMode, keepZeroLines = SETTINGS.keepZeroLines, latenessPolicy = SETTINGS.latenessPolicy } = file;
  const items = file.items ?? Object.fromEntries(file.prices.map(({ code }) => [code, '1']));
  const ownLife = file.items !== undefined || file.changes !== undefined || file.trialEnd !== undefined;
  const world: World = {
    engineVersion,
    start: file.start,
    zone: file.zone ?? 'UTC',
    ...(file.alignment === undefined ? {} : { alignment: file.alignment }),
    canceled: file.canceled ?? [],
    ...(ownLife ? { facts: factsOf(items, file.changes, { start: file.start, ...(file.trialEnd === undefined ? {} : { trialEnd: file.trialEnd }) }) } : {}),
    ...(file.meters === undefined ? {} : { meters: file.meters }),
    currencyCode: file.currency,
    settings: [{ ...SETTINGS, roundingMode, latenessPolicy, keepZeroLines }],
    prices: file.prices.map((one) => priceOf(one, file.currency)),
    events: file.events.map(([key, meter, time, value, recorded, properties = {}]) => ({ ...event(key, meter, time, value, recorded ?? time), properties, ...corrections(file, key) })),
  };
  return { name, engineVersion, about: file.about, run: file.run, world, expected: file.expected };
}

function corrections({ voided = {}, released = {} }: GoldenFile, key: string): Pick<RecordedEvent, 'voidedTime' | 'releasedTime'> {
  return {
    ...(voided[key] === undefined ? {} : { voidedTime: parseInstant(voided[key]) }),
    ...(released[key] === undefined ? {} : { releasedTime: parseInstant(released[key]) }),
  };
}

function priceOf(one: GoldenPrice, currency: string): Price {
  const models = [
    one.flat === undefined ? [] : [flat(one.flat)],
    one.perUnit === undefined ? [] : [perUnit(one.perUnit)],
    one.graduated === undefined ? [] : [graduated(...one.graduated)],
    one.volume === undefined ? [] : [volume(...one.volume)],
    one.model === undefined ? [] : [canonical(one.model)],
  ].flat();
  const [model] = models;
  if (model === undefined || models.length > 1) throw new Error(`price ${one.code} needs exactly one model`);
  const first = price(one.code, one.meter ?? null, model, currency);
  const rules = [{ from: null, model, modifiers: one.modifiers }, ...(one.then ?? [])];
  const versions = rules.flatMap((rule, position) => first.versions.map((usual) => ({
    ...usual,
    version: position + 1,
    effectiveFrom: rule.from === null ? usual.effectiveFrom : parseInstant(rule.from),
    effectiveTo: rules[position + 1]?.from === undefined ? null : parseInstant(rules[position + 1]?.from ?? ''),
    model: canonical(rule.model),
    ...(rule.modifiers === undefined ? {} : { modifiers: canonical(rule.modifiers) }),
  })));
  return { ...first, ...one.terms, versions };
}

/** The same with every decimal in its one canonical text. */
function canonical<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value), (_name, member: unknown) => (typeof member === 'string' ? decimalOr(member) : member)) as Value;
}

function decimalOr(text: string): string {
  try {
    return parseDecimal(text);
  } catch (error) {
    if (!(error instanceof RatingError)) throw error;
    return text;
  }
}
