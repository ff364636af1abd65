// The floor of rating: the same graduated price as somebody would write it by hand who needs the amount and nothing else: BigInt, scaled to what these prices need.
import { graduatedTiers } from './rating-models.ts';

const QUANTITY_SCALE_DIGITS = 3;
const UNIT_SCALE_DIGITS = 6;
const ONE = 10n ** BigInt(QUANTITY_SCALE_DIGITS + UNIT_SCALE_DIGITS);
const MINOR_UNITS = 100n;

const tiers = graduatedTiers.map(({ upTo, unitAmount, flatAmount }) => ({
  upTo: upTo === null ? null : scaled(upTo, QUANTITY_SCALE_DIGITS),
  unitAmount: scaled(unitAmount, UNIT_SCALE_DIGITS),
  flatAmount: flatAmount === null ? 0n : scaled(flatAmount, QUANTITY_SCALE_DIGITS + UNIT_SCALE_DIGITS),
}));

function scaled(text: string, digits: number): bigint {
  const [whole = '', part = ''] = text.split('.');
  return BigInt(whole + part.padEnd(digits, '0'));
}

/** Minor units, half away from zero; quantities of at most three decimals and not below zero. */
export function bareGraduated(text: string): bigint {
  const quantity = scaled(text, QUANTITY_SCALE_DIGITS);
  let amount = 0n, lower = 0n;
  for (const { upTo, unitAmount, flatAmount } of tiers) {
    const upper = upTo === null || quantity <= upTo ? quantity : upTo;
    amount += (upper - lower) * unitAmount + flatAmount;
    if (upper === quantity) break;
    lower = upper;
  }
  return (amount * MINOR_UNITS * 2n + ONE) / (ONE * 2n);
}
