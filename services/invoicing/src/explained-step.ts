// A step of a derivation as a message of the contract: every kind that the core's trace knows, field by field. What a trace
// leaves out, because the run has no use for it, is empty here.
import { timestampFromInstant, type Timestamp } from '@valora/chassis';
import type { EventLimits, FreeAllowance, LimitStep, PercentageStep as PercentageStepMessage, ProratedValue, RatingStep as RatingStepMessage, TierStep as TierStepMessage } from '@valora/contracts/valora/invoicing/v1/explanation';
import type { GroupValue, ProratedDays } from '@valora/contracts/valora/invoicing/v1/step_terms';
import { parseInstant, type PeriodTrace, type RatingStep, type UsageGroup } from '@valora/rating';
import { conversionToProto } from './price-rule.ts';

type StepOf<Kind extends RatingStep['kind']> = Extract<RatingStep, { kind: Kind }>;
type Days = Pick<StepOf<'PRORATION'>, 'zone' | 'active' | 'period' | 'activeDays' | 'periodDays'>;
type Prorated = NonNullable<StepOf<'MINIMUM'>['prorated']>;

export function stepToProto(step: RatingStep): RatingStepMessage {
  return { step: caseOf(step) };
}

function caseOf(step: RatingStep): NonNullable<RatingStepMessage['step']> {
  switch (step.kind) {
    case 'UNIT_CONVERSION':
      return { $case: 'unitConversion', value: { quantity: step.quantity, conversion: conversionToProto(step), converted: step.converted, rounded: step.rounded } };
    case 'INCLUDED_QUANTITY':
      return { $case: 'includedQuantity', value: { quantity: step.quantity, includedQuantity: step.includedQuantity, prorated: proratedToProto(step.prorated), remaining: step.remaining } };
    case 'FLAT':
      return { $case: 'flat', value: { quantity: step.quantity, unitAmount: step.unitAmount, amount: step.amount } };
    case 'PER_UNIT':
      return { $case: 'perUnit', value: { quantity: step.quantity, unitAmount: step.unitAmount, amount: step.amount } };
    case 'GRADUATED_TIER':
      return { $case: 'graduatedTier', value: tierStepToProto(step, { unitAmount: step.unitAmount }) };
    case 'VOLUME_TIER':
      return { $case: 'volumeTier', value: tierStepToProto(step, { unitAmount: step.unitAmount }) };
    case 'PACKAGE':
      return { $case: 'package', value: { quantity: step.quantity, packageSize: step.packageSize, packages: step.packages, packageAmount: step.packageAmount, amount: step.amount } };
    case 'STAIRSTEP':
      return { $case: 'stairstep', value: tierStepToProto(step, {}) };
    case 'PERCENTAGE':
      return { $case: 'percentage', value: percentageToProto(step) };
    case 'GRADUATED_PERCENTAGE_TIER':
      return { $case: 'graduatedPercentageTier', value: tierStepToProto(step, { percent: step.percent }) };
    case 'MATRIX_CELL':
      return { $case: 'matrixCell', value: { group: groupToProto(step.group), quantity: step.quantity, unitAmount: step.unitAmount, isDefault: step.isDefault ?? false, amount: step.amount } };
    case 'GROUPED_LINES':
      return { $case: 'groupedLines', value: { amount: step.amount } };
    case 'PRORATION':
      return { $case: 'proration', value: { ...daysToProto(step), fees: step.fees, prorated: step.prorated, amount: step.amount } };
    case 'MINIMUM':
      return { $case: 'minimum', value: limitToProto(step, step.minimum) };
    case 'MAXIMUM':
      return { $case: 'maximum', value: limitToProto(step, step.maximum) };
  }
}

type AnyTierStep = StepOf<'GRADUATED_TIER' | 'VOLUME_TIER' | 'STAIRSTEP' | 'GRADUATED_PERCENTAGE_TIER'>;

function tierStepToProto({ tier, above, upTo, quantity, flatAmount, amount }: AnyTierStep, { unitAmount = '', percent = '' }: { unitAmount?: string; percent?: string }): TierStepMessage {
  return { tier, above, upTo: upTo ?? '', quantity, unitAmount, flatAmount: flatAmount ?? '', amount, percent };
}

function percentageToProto({ quantity, percent, free, paidEvents, fixedAmount, limited, amount }: StepOf<'PERCENTAGE'>): PercentageStepMessage {
  return {
    quantity, percent, paidEvents: BigInt(paidEvents), fixedAmount: fixedAmount ?? '', free: free === undefined ? undefined : freeToProto(free), limits: limited === undefined ? undefined : limitsToProto(limited), amount,
  };
}

function freeToProto({ freeEvents, freeAmount, prorated, events, quantity }: NonNullable<StepOf<'PERCENTAGE'>['free']>): FreeAllowance {
  return { freeEvents: freeEvents ?? '', freeAmount: freeAmount ?? '', prorated: prorated === undefined ? undefined : daysToProto(prorated), events: BigInt(events), quantity };
}

function limitsToProto({ minimum, maximum, raised, lowered, change }: NonNullable<StepOf<'PERCENTAGE'>['limited']>): EventLimits {
  return {
    minimum: minimum ?? '', maximum: maximum ?? '', raisedEvents: BigInt(raised.events), raisedAmount: raised.amount, loweredEvents: BigInt(lowered.events), loweredAmount: lowered.amount, change,
  };
}

function limitToProto({ before, prorated, amount }: StepOf<'MINIMUM' | 'MAXIMUM'>, limit: string): LimitStep {
  return { before, limit, prorated: proratedToProto(prorated), amount };
}

function proratedToProto(prorated: Prorated | undefined): ProratedValue | undefined {
  return prorated === undefined ? undefined : { days: daysToProto(prorated), value: prorated.value };
}

export function daysToProto({ zone, active, period, activeDays, periodDays }: Days): ProratedDays {
  return { timeZone: zone, active: periodToProto(active), period: periodToProto(period), activeDays, periodDays };
}

export function groupToProto(group: UsageGroup): readonly GroupValue[] {
  return Object.entries(group).map(([property, value]) => ({ property, value: value ?? undefined }));
}

export function periodToProto({ start, end }: PeriodTrace): { readonly startTime: Timestamp; readonly endTime: Timestamp } {
  return { startTime: instantToProto(start), endTime: instantToProto(end) };
}

export function instantToProto(text: string): Timestamp {
  return timestampFromInstant(parseInstant(text));
}
