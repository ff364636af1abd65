// The price model between the contract's oneof and the core's PriceModel. The contract has what usage can be billed with
// today: prices that need groups of usage or the values of single events are not in it, so none can be published.
import type { Fields } from '@valora/chassis';
import type {
  PercentTier as PercentTierMessage, PriceModel as PriceModelMessage, Stair as StairMessage, Tier as TierMessage,
} from '@valora/contracts/valora/pricing/v1/price_model';
import { parseDecimal, type Decimal, type PercentageTerms, type PercentTier, type PriceModel, type Stair, type Tier } from '@valora/rating';

type ModelCase = NonNullable<PriceModelMessage['model']>;

const TIERS_MAX = 100;
/** Each model's field in the contract. */
const MODEL_FIELDS: Readonly<Record<ModelCase['$case'], string>> = {
  flat: 'flat', perUnit: 'per_unit', graduated: 'graduated', volume: 'volume', package: 'package', stairstep: 'stairstep', percentage: 'percentage', graduatedPercentage: 'graduated_percentage',
};
/** What rates single events. */
const NO_EVENT_TERMS = { freeEvents: null, freeAmount: null, eventMinimum: null, eventMaximum: null } as const satisfies Partial<PercentageTerms>;

export interface ReadModel {
  readonly model: PriceModel;
  /** The field of the model that was given: `model.per_unit`. */
  readonly path: string;
}

/** Notes what is malformed. A model that is missing is noted and read as nothing due, of which there is no more to say. */
export function readPriceModel(fields: Fields, field: string, message: PriceModelMessage | undefined): ReadModel {
  if (message?.model === undefined) {
    fields.refuse(field, 'MISSING', `Must be one of ${Object.values(MODEL_FIELDS).join(', ')}.`);
    return { model: { kind: 'FLAT', amount: parseDecimal('0') }, path: field };
  }
  const path = `${field}.${MODEL_FIELDS[message.model.$case]}`;
  return { model: modelFromProto(fields, path, message.model), path };
}

function modelFromProto(fields: Fields, path: string, message: ModelCase): PriceModel {
  switch (message.$case) {
    case 'flat':
      return { kind: 'FLAT', amount: fields.decimal(`${path}.amount`, message.value.amount) };
    case 'perUnit':
      return { kind: 'PER_UNIT', unitAmount: fields.decimal(`${path}.unit_amount`, message.value.unitAmount) };
    case 'graduated':
      return { kind: 'GRADUATED', tiers: tiersFromProto(fields, path, message.value.tiers) };
    case 'volume':
      return { kind: 'VOLUME', tiers: tiersFromProto(fields, path, message.value.tiers) };
    case 'package':
      return {
        kind: 'PACKAGE',
        packageSize: fields.decimal(`${path}.package_size`, message.value.packageSize),
        packageAmount: fields.decimal(`${path}.package_amount`, message.value.packageAmount),
      };
    case 'stairstep':
      return { kind: 'STAIRSTEP', stairs: stairsFromProto(fields, path, message.value.stairs) };
    case 'percentage':
      return {
        kind: 'PERCENTAGE',
        percent: fields.decimal(`${path}.percent`, message.value.percent),
        fixedAmount: optionalDecimal(fields, `${path}.fixed_amount`, message.value.fixedAmount),
        ...NO_EVENT_TERMS,
      };
    case 'graduatedPercentage':
      return { kind: 'GRADUATED_PERCENTAGE', tiers: percentTiersFromProto(fields, path, message.value.tiers) };
  }
}

function tiersFromProto(fields: Fields, path: string, tiers: readonly TierMessage[]): readonly Tier[] {
  return placed(fields, `${path}.tiers`, tiers).map(([at, { upTo, unitAmount, flatAmount }]) => ({
    upTo: optionalDecimal(fields, `${at}.up_to`, upTo),
    unitAmount: fields.decimal(`${at}.unit_amount`, unitAmount),
    flatAmount: optionalDecimal(fields, `${at}.flat_amount`, flatAmount),
  }));
}

function stairsFromProto(fields: Fields, path: string, stairs: readonly StairMessage[]): readonly Stair[] {
  return placed(fields, `${path}.stairs`, stairs).map(([at, { upTo, amount }]) => ({
    upTo: optionalDecimal(fields, `${at}.up_to`, upTo),
    amount: fields.decimal(`${at}.amount`, amount),
  }));
}

function percentTiersFromProto(fields: Fields, path: string, tiers: readonly PercentTierMessage[]): readonly PercentTier[] {
  return placed(fields, `${path}.tiers`, tiers).map(([at, { upTo, percent, flatAmount }]) => ({
    upTo: optionalDecimal(fields, `${at}.up_to`, upTo),
    percent: fields.decimal(`${at}.percent`, percent),
    flatAmount: optionalDecimal(fields, `${at}.flat_amount`, flatAmount),
  }));
}

/** Each with its field. A list beyond the limit is refused unread: cut off there, it would seem to lack its open end. */
function placed<Element>(fields: Fields, path: string, list: readonly Element[]): readonly (readonly [at: string, element: Element])[] {
  if (list.length > TIERS_MAX) {
    fields.count(path, list, { min: 1, max: TIERS_MAX });
    return [];
  }
  return list.map((element, position) => [`${path}[${position}]`, element] as const);
}

/** Empty text is none, and so is what is malformed: noted, it must not be held against other fields as the 0 that it isn't. */
export function optionalDecimal(fields: Fields, path: string, text: string): Decimal | null {
  if (text === '') return null;
  const notedBefore = fields.violations.length;
  const value = fields.decimal(path, text);
  return fields.violations.length > notedBefore ? null : value;
}

export function priceModelToProto(model: PriceModel): PriceModelMessage {
  return { model: modelToProto(model) };
}

function modelToProto(model: PriceModel): ModelCase {
  switch (model.kind) {
    case 'FLAT':
      return { $case: 'flat', value: { amount: model.amount } };
    case 'PER_UNIT':
      return { $case: 'perUnit', value: { unitAmount: model.unitAmount } };
    case 'GRADUATED':
      return { $case: 'graduated', value: { tiers: model.tiers.map(tierToProto) } };
    case 'VOLUME':
      return { $case: 'volume', value: { tiers: model.tiers.map(tierToProto) } };
    case 'PACKAGE':
      return { $case: 'package', value: { packageSize: model.packageSize, packageAmount: model.packageAmount } };
    case 'STAIRSTEP':
      return { $case: 'stairstep', value: { stairs: model.stairs.map(({ upTo, amount }) => ({ upTo: upTo ?? '', amount })) } };
    case 'PERCENTAGE':
      requireNoEventTerms(model);
      return { $case: 'percentage', value: { percent: model.percent, fixedAmount: model.fixedAmount ?? '' } };
    case 'GRADUATED_PERCENTAGE':
      return { $case: 'graduatedPercentage', value: { tiers: model.tiers.map(({ upTo, percent, flatAmount }) => ({ upTo: upTo ?? '', percent, flatAmount: flatAmount ?? '' })) } };
    case 'MATRIX':
      throw new Error('a stored price has a model that the contract can not tell');
  }
}

/** Leaving them out of an answer would let another price be billed than the stored one. */
function requireNoEventTerms({ freeEvents, freeAmount, eventMinimum, eventMaximum }: PercentageTerms): void {
  if ([freeEvents, freeAmount, eventMinimum, eventMaximum].some((term) => term !== null)) throw new Error('a stored price has terms that the contract can not tell');
}

function tierToProto({ upTo, unitAmount, flatAmount }: Tier): TierMessage {
  return { upTo: upTo ?? '', unitAmount, flatAmount: flatAmount ?? '' };
}
