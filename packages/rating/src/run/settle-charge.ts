/**
 * Settling: from a charge and its usage to the rounded lines of D_n(κ), with their traces.
 *
 * Each part is rated alone by its version (`price/rate-price.ts`): the usage of a metered price, the item's own quantity
 * for a fee. The trap: a difference is taken between two settled lines and never rounded itself.
 */
import { ratePrice } from '../price/rate-price.ts';
import type { Charge } from './charge.ts';
import { chargedQuantity } from './charged-quantity.ts';
import type { RunFacts, UsageAnswers } from './run.ts';
import { settleGroups } from './settle-groups.ts';
import { ratedPart, type SettledLine, settledLine } from './settled-line.ts';

/**
 * One line, or one for each group and a true-up. Breaks off if metering has not answered what was asked. Errors:
 * CURRENCY_UNKNOWN, TIERS_INVALID, MATRIX_CELL_MISSING.
 */
export function settleCharge(facts: RunFacts, usage: UsageAnswers, charge: Charge): readonly SettledLine[] {
  if (charge.price.rateBy === 'DIMENSION' && charge.chargeKind === 'USAGE') return settleGroups(facts, usage, charge);
  const parts = charge.parts.map((part) => {
    const charged = chargedQuantity(usage, part);
    return ratedPart(part, charged, ratePrice(part.version, charged.ratable, part.proration));
  });
  return [settledLine(facts, { charge, chargeKind: charge.chargeKind, group: null, parts })];
}
