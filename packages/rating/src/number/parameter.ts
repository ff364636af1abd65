/**
 * The fraction of a price's parameter, `0.0055`: reading the text would cost more than the multiplication it is for, so
 * it is read once. The trap: quantities are read by `fractionFromDecimal`, as no two are alike.
 */
import { remembered } from '../remembered.ts';
import type { Decimal } from './decimal.ts';
import { type Fraction, fractionFromDecimal } from './fraction.ts';

export const parameterFraction: (parameter: Decimal) => Fraction = remembered(fractionFromDecimal);
