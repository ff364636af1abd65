/**
 * The fractions of a price's parameters, each read once.
 *
 * A price is a handful of texts, `0.0055`, and rates lines by the million; reading the text would cost more than the
 * multiplication it is for. So the last texts read are remembered with their fractions. That is invisible from outside:
 * the same text has the same fraction whether it was remembered or not, neither can be changed, and nothing hangs on
 * the object that a price came in, which every run may load anew. The trap: quantities are not to go through here, as
 * no two are alike and they would only push the parameters out.
 */
import type { Decimal } from './decimal.ts';
import { type Fraction, fractionFromDecimal } from './fraction.ts';

/** Far more than the prices of an organization have; when it is reached, all are forgotten and read again. */
const REMEMBERED_MAX = 10_000;
const remembered = new Map<Decimal, Fraction>();

export function parameterFraction(text: Decimal): Fraction {
  const known = remembered.get(text);
  if (known !== undefined) return known;
  if (remembered.size >= REMEMBERED_MAX) remembered.clear();
  const read = fractionFromDecimal(text);
  remembered.set(text, read);
  return read;
}
