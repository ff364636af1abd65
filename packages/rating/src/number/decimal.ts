/**
 * A decimal as a caller writes it: `-?digits[.digits]`, at most 38 significant digits, at most 18 of them after the
 * point, kept as its canonical text.
 *
 * One number has one text, so equal numbers have equal bytes wherever they are stored, compared or hashed. Nothing here
 * is ever a JavaScript number. The trap: arithmetic libraries read '0x10', ' 1 ', '1_000' and 'Infinity' as numbers, so
 * the text is checked before any of them sees it, and its length before its grammar.
 */
import { RatingError } from '../errors.ts';

export type Decimal = string & { readonly __decimal: true };

/** Digits, a sign, a point, and zero padding on either side; longer text is refused unread. */
const TEXT_LENGTH_MAX = 58;
const SIGNIFICANT_DIGITS_MAX = 38;
const FRACTION_DIGITS_MAX = 18;
/** Nearly all decimals come as the canonical text already; so short, none can have too many digits of either kind. */
const CANONICAL_LENGTH_MAX = 20;
const CANONICAL = /^(?:0|-?(?:[1-9][0-9]*(?:\.[0-9]*[1-9])?|0\.[0-9]*[1-9]))$/;
const GRAMMAR = /^(-?)0*([0-9]+?)(?:\.([0-9]+))?$/;

/**
 * The canonical decimal of a caller's text: no leading or trailing zeros, no `-0`. Digits are counted after that, so
 * `1.50` has two.
 * Errors: DECIMAL_MALFORMED, DECIMAL_TOO_LONG, DECIMAL_TOO_FINE.
 */
export function parseDecimal(text: string): Decimal {
  if (text.length <= CANONICAL_LENGTH_MAX && CANONICAL.test(text)) return text as Decimal;
  if (text.length > TEXT_LENGTH_MAX) throw refused('DECIMAL_TOO_LONG', text);
  const match = GRAMMAR.exec(text);
  if (match === null) throw refused('DECIMAL_MALFORMED', text);
  const [, sign = '', whole = '', fraction = ''] = match;
  const fractionDigits = fraction.replace(/0+$/, '');
  if (fractionDigits.length > FRACTION_DIGITS_MAX) throw refused('DECIMAL_TOO_FINE', text);
  const significant = `${whole}${fractionDigits}`.replace(/^0+/, '');
  if (significant.length > SIGNIFICANT_DIGITS_MAX) throw refused('DECIMAL_TOO_LONG', text);
  const magnitude = fractionDigits === '' ? whole : `${whole}.${fractionDigits}`;
  return (significant === '' ? '0' : `${sign}${magnitude}`) as Decimal;
}

export const ZERO: Decimal = parseDecimal('0');

function refused(reason: 'DECIMAL_MALFORMED' | 'DECIMAL_TOO_LONG' | 'DECIMAL_TOO_FINE', text: string): RatingError {
  return new RatingError(reason, 'This decimal is refused.', { text: text.slice(0, TEXT_LENGTH_MAX) });
}
