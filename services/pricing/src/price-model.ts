// The price model between its three homes: the contract's oneof, the core's PriceModel, and jsonb. What is stored is the
// core's shape with every decimal as its canonical text; a JSON number would be read as binary floating point.
import type { Fields } from '@valora/chassis';
import type { PriceModel as PriceModelMessage, Tier as TierMessage } from '@valora/contracts/valora/pricing/v1/price_model';
import { parseDecimal, validatePriceModel, type PriceModel, type PriceProblem, type Tier } from '@valora/rating';

type ModelCase = NonNullable<PriceModelMessage['model']>;

const TIERS_MAX = 100;
/** Each model's field in the contract. */
const MODEL_FIELDS = { flat: 'flat', perUnit: 'per_unit', graduated: 'graduated', volume: 'volume' } as const;
const PLACEHOLDER: PriceModel = { kind: 'FLAT', amount: parseDecimal('0') };

export interface ParsedPriceModel {
  readonly model: PriceModel;
  /** Allowed but surprising, with the path of the field in the request. */
  readonly warnings: readonly PriceProblem[];
}

/** Reads a model and notes every problem at once: malformed decimals and what the core finds wrong with the whole. */
export function parsePriceModel(fields: Fields, field: string, message: PriceModelMessage | undefined): ParsedPriceModel {
  if (message?.model === undefined) {
    fields.refuse(field, 'MISSING', 'Must be one of flat, per_unit, graduated, volume.');
    return { model: PLACEHOLDER, warnings: [] };
  }
  const path = `${field}.${MODEL_FIELDS[message.model.$case]}`;
  const model = modelFromProto(fields, path, message.model);
  const problems = validatePriceModel(model).map((problem) => ({ ...problem, path: `${path}.${problem.path}` }));
  // A malformed decimal was noted above and read as 0; what the core says about that 0 would only confuse.
  const malformed = new Set(fields.violations.map((violation) => violation.field));
  for (const { severity, path: at, reason, message: description } of problems) {
    if (severity === 'ERROR' && !malformed.has(at)) fields.refuse(at, reason, description);
  }
  return { model, warnings: problems.filter(({ severity }) => severity === 'WARNING') };
}

function modelFromProto(fields: Fields, path: string, message: ModelCase): PriceModel {
  switch (message.$case) {
    case 'flat':
      return { kind: 'FLAT', amount: fields.decimal(`${path}.amount`, message.value.amount) };
    case 'perUnit':
      return { kind: 'PER_UNIT', unitAmount: fields.decimal(`${path}.unit_amount`, message.value.unitAmount) };
    case 'graduated':
      return { kind: 'GRADUATED', tiers: tiersFromProto(fields, `${path}.tiers`, message.value.tiers) };
    case 'volume':
      return { kind: 'VOLUME', tiers: tiersFromProto(fields, `${path}.tiers`, message.value.tiers) };
  }
}

function tiersFromProto(fields: Fields, path: string, tiers: readonly TierMessage[]): readonly Tier[] {
  if (tiers.length > TIERS_MAX) fields.count(path, tiers, { min: 1, max: TIERS_MAX });
  return tiers.slice(0, TIERS_MAX).map(({ upTo, unitAmount, flatAmount }, position) => ({
    upTo: upTo === '' ? null : fields.decimal(`${path}[${position}].up_to`, upTo),
    unitAmount: fields.decimal(`${path}[${position}].unit_amount`, unitAmount),
    flatAmount: flatAmount === '' ? null : fields.decimal(`${path}[${position}].flat_amount`, flatAmount),
  }));
}

export function priceModelToProto(model: PriceModel): PriceModelMessage {
  switch (model.kind) {
    case 'FLAT':
      return { model: { $case: 'flat', value: { amount: model.amount } } };
    case 'PER_UNIT':
      return { model: { $case: 'perUnit', value: { unitAmount: model.unitAmount } } };
    case 'GRADUATED':
      return { model: { $case: 'graduated', value: { tiers: model.tiers.map(tierToProto) } } };
    case 'VOLUME':
      return { model: { $case: 'volume', value: { tiers: model.tiers.map(tierToProto) } } };
  }
}

function tierToProto({ upTo, unitAmount, flatAmount }: Tier): TierMessage {
  return { upTo: upTo ?? '', unitAmount, flatAmount: flatAmount ?? '' };
}

/** What jsonb holds: the core's model, before its decimals are checked. */
export type StoredPriceModel =
  | { kind: 'FLAT'; amount: string }
  | { kind: 'PER_UNIT'; unitAmount: string }
  | { kind: 'GRADUATED' | 'VOLUME'; tiers: { upTo: string | null; unitAmount: string; flatAmount: string | null }[] };

export function priceModelToStored(model: PriceModel): StoredPriceModel {
  switch (model.kind) {
    case 'FLAT':
      return { kind: 'FLAT', amount: model.amount };
    case 'PER_UNIT':
      return { kind: 'PER_UNIT', unitAmount: model.unitAmount };
    case 'GRADUATED':
    case 'VOLUME':
      return { kind: model.kind, tiers: model.tiers.map(({ upTo, unitAmount, flatAmount }) => ({ upTo, unitAmount, flatAmount })) };
  }
}

export function priceModelFromStored(json: unknown): PriceModel {
  const stored = json as StoredPriceModel; // written by priceModelToStored and never changed
  switch (stored.kind) {
    case 'FLAT':
      return { kind: 'FLAT', amount: parseDecimal(stored.amount) };
    case 'PER_UNIT':
      return { kind: 'PER_UNIT', unitAmount: parseDecimal(stored.unitAmount) };
    case 'GRADUATED':
    case 'VOLUME':
      return {
        kind: stored.kind,
        tiers: stored.tiers.map(({ upTo, unitAmount, flatAmount }) => ({
          upTo: upTo === null ? null : parseDecimal(upTo),
          unitAmount: parseDecimal(unitAmount),
          flatAmount: flatAmount === null ? null : parseDecimal(flatAmount),
        })),
      };
  }
}
