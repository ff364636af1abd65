// The nine models as the rating bench rates them, each with terms that a price list could have, and the quantities.
import { fractionFromDecimal, parseDecimal, type Decimal, type PriceModel, type RatableQuantity } from '@valora/rating';

const d: (text: string) => Decimal = parseDecimal;

export const graduatedTiers = [
  { upTo: d('1000'), unitAmount: d('0.01'), flatAmount: null },
  { upTo: d('10000'), unitAmount: d('0.008'), flatAmount: d('1.5') },
  { upTo: d('500000'), unitAmount: d('0.0055'), flatAmount: null },
  { upTo: null, unitAmount: d('0.004125'), flatAmount: d('10') },
] as const;

const REGIONS = ['eu', 'us', 'apac', 'elsewhere'];

export const benchedModels = {
  FLAT: { kind: 'FLAT', amount: d('20') },
  PER_UNIT: { kind: 'PER_UNIT', unitAmount: d('0.0055') },
  GRADUATED: { kind: 'GRADUATED', tiers: graduatedTiers },
  VOLUME: { kind: 'VOLUME', tiers: graduatedTiers },
  PACKAGE: { kind: 'PACKAGE', packageSize: d('1000'), packageAmount: d('4.99') },
  STAIRSTEP: { kind: 'STAIRSTEP', stairs: graduatedTiers.map(({ upTo }, position) => ({ upTo, amount: d(`${9 + 40 * position}.5`) })) },
  PERCENTAGE: { kind: 'PERCENTAGE', percent: d('2.9'), fixedAmount: d('0.3'), freeEvents: null, freeAmount: null, eventMinimum: null, eventMaximum: null },
  GRADUATED_PERCENTAGE: { kind: 'GRADUATED_PERCENTAGE', tiers: graduatedTiers.map(({ upTo, flatAmount }, position) => ({ upTo, flatAmount, percent: d(`${3 - position / 2}`) })) },
  MATRIX: { kind: 'MATRIX', dimensions: ['region'], cells: REGIONS.map((region, position) => ({ values: [region], unitAmount: d(`0.00${position + 1}5`) })), defaultUnitAmount: null },
} as const satisfies { readonly [Kind in PriceModel['kind']]: Extract<PriceModel, { kind: Kind }> };

const DISTINCT_QUANTITIES = 10_000;

/** Up to two millions, with and without decimals: in all four tiers, three of four in the last. */
export const sampleQuantities: readonly string[] = Array.from({ length: DISTINCT_QUANTITIES }, (_, position) => {
  const whole = (position * 7_919) % 2_000_000;
  return position % 2 === 0 ? String(whole) : `${whole}.${String(position % 1000).padStart(3, '0')}`;
});

/** From text to what is rated: one quantity in 100 events; of a matrix four, one for each of its cells. */
export function ratable(model: PriceModel, position: number): RatableQuantity {
  const groups = model.kind === 'MATRIX' ? REGIONS.map((region, number) => ({ group: { region }, quantity: quantityAt(position + number) })) : [];
  return { basis: 'USAGE', quantity: quantityAt(position), eventCount: 100n, groups, eventValues: null };
}

function quantityAt(position: number): RatableQuantity['quantity'] {
  return fractionFromDecimal(parseDecimal(sampleQuantities[position % sampleQuantities.length] ?? '0'));
}
