/** Golden invoices: a world small enough to work out with a pencil, its run, and what must come of it to the byte. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Price, RoundingMode } from '../src/index.ts';
import { event, flat, graduated, perUnit, price, SETTINGS, volume, type World } from './world.ts';

export interface Golden {
  readonly name: string;
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
}

interface GoldenFile {
  readonly about: string;
  readonly start: string;
  readonly zone?: string;
  readonly alignment?: 'CALENDAR';
  readonly canceled?: readonly [effective: string, recorded: string][];
  readonly currency: string;
  readonly roundingMode?: RoundingMode;
  readonly keepZeroLines?: boolean;
  readonly prices: readonly GoldenPrice[];
  readonly events: readonly [key: string, meter: string, time: string, value: string, recorded?: string][];
  readonly run: number;
  readonly expected: Golden['expected'];
}

const FOLDER = new URL('./golden/', import.meta.url);

export function goldens(): readonly Golden[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => goldenOf(file.replace('.json', ''), JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as GoldenFile));
}

function goldenOf(name: string, file: GoldenFile): Golden {
  const { roundingMode = SETTINGS.roundingMode, keepZeroLines = SETTINGS.keepZeroLines } = file;
  const world: World = {
    start: file.start,
    zone: file.zone ?? 'UTC',
    ...(file.alignment === undefined ? {} : { alignment: file.alignment }),
    canceled: file.canceled ?? [],
    currencyCode: file.currency,
    settings: [{ ...SETTINGS, roundingMode, keepZeroLines }],
    prices: file.prices.map((one) => priceOf(one, file.currency)),
    events: file.events.map((row) => event(...row)),
  };
  return { name, about: file.about, run: file.run, world, expected: file.expected };
}

function priceOf(one: GoldenPrice, currency: string): Price {
  const models = [
    one.flat === undefined ? [] : [flat(one.flat)],
    one.perUnit === undefined ? [] : [perUnit(one.perUnit)],
    one.graduated === undefined ? [] : [graduated(...one.graduated)],
    one.volume === undefined ? [] : [volume(...one.volume)],
  ].flat();
  const [model] = models;
  if (model === undefined || models.length > 1) throw new Error(`price ${one.code} needs exactly one model`);
  return price(one.code, one.meter ?? null, model, currency);
}
