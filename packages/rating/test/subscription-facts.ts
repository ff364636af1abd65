/** A subscription's facts in short words: what it starts with, and what changes when. */
import { parseInstant, type SubscriptionFact } from '../src/index.ts';
import { decimal } from './world.ts';

const START = '2024-04-01T00:00:00Z';

export type Change = readonly [kind: 'ITEMS_CHANGED' | 'PAUSED' | 'RESUMED' | 'CANCELED' | 'CANCEL_UNDONE', effective: string, recorded: string, items?: Items];
/** Price code → copies. */
export type Items = Readonly<Record<string, string>>;

const at = (text: string) => parseInstant(text.includes('T') ? text : `${text}T00:00:00Z`);
const itemList = (items: Items) => Object.entries(items).map(([code, quantity]) => ({ item: `${code}-item`, priceCode: code, quantity: decimal(quantity) }));

export function factsOf(items: Items, changes: readonly Change[] = [], { start = START, trialEnd }: { readonly start?: string; readonly trialEnd?: string } = {}): SubscriptionFact[] {
  const times = { effectiveTime: at(start), recordedTime: at(start) };
  const started: SubscriptionFact = { kind: 'STARTED', sequence: 1, ...times, items: itemList(items), ...(trialEnd === undefined ? {} : { trialEndTime: at(trialEnd) }) };
  return [started, ...changes.map(([kind, effective, recorded, changed = {}], position): SubscriptionFact => {
    const common = { sequence: position + 2, effectiveTime: at(effective), recordedTime: at(recorded) };
    return kind === 'ITEMS_CHANGED' ? { kind, ...common, items: itemList(changed) } : { kind, ...common };
  })];
}
