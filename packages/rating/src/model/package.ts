/**
 * PACKAGE: an amount for each package that the quantity begins.
 *
 * 121 @ 5.00 per 10 = 13 × 5.00 = 65.00: a package begun is a package due. The traps: 120 begins 12 and not 13; and a
 * quantity at or below zero begins none, so a negative quantity is no credit.
 */
import { compareFractions, divideFractions, type Fraction, fractionToJson, multiplyFractions, ZERO_FRACTION } from '../number/fraction.ts';
import { parameterFraction } from '../number/parameter.ts';
import { roundQuantity } from '../number/rounding.ts';
import type { PriceModel } from '../price/price.ts';
import type { RatedQuantity } from './model.ts';

type PackageModel = Extract<PriceModel, { kind: 'PACKAGE' }>;

export function ratePackage({ packageSize, packageAmount }: Omit<PackageModel, 'kind'>, quantity: Fraction): RatedQuantity {
  const packages = packagesBegun(quantity, parameterFraction(packageSize));
  const amount = multiplyFractions(packages, parameterFraction(packageAmount));
  return {
    amount,
    flatAmount: ZERO_FRACTION,
    steps: () => [{
      kind: 'PACKAGE',
      quantity: fractionToJson(quantity),
      packageSize,
      packages: fractionToJson(packages).numerator,
      packageAmount,
      amount: fractionToJson(amount),
    }],
  };
}

function packagesBegun(quantity: Fraction, size: Fraction): Fraction {
  if (compareFractions(quantity, ZERO_FRACTION) <= 0) return ZERO_FRACTION;
  return roundQuantity(divideFractions(quantity, size), { decimals: 0, mode: 'CEILING' });
}
