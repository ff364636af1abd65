// What a publication says about how a quantity becomes an amount: a model, and what is done before and after it.
import type { Fields } from '@valora/chassis';
import type { PriceVersion as PriceVersionMessage } from '@valora/contracts/valora/pricing/v1/catalog';
import { validatePriceRule, type PriceProblem, type PriceRule } from '@valora/rating';
import { readPriceModel } from './price-model.ts';
import { readPriceModifiers } from './price-modifiers.ts';

export interface ParsedPriceRule {
  readonly rule: PriceRule;
  /** Allowed but surprising, with the path of the field in the request. */
  readonly warnings: readonly PriceProblem[];
}

/**
 * Reads model and modifiers and notes every problem at once: what is malformed, and what the core finds wrong with the
 * whole. `prefix` stands before the fields: `''`, or `prices[0].versions[1].`.
 */
export function parsePriceRule(fields: Fields, prefix: string, { model, modifiers: modifiersMessage }: Pick<PriceVersionMessage, 'model' | 'modifiers'>): ParsedPriceRule {
  const notedBefore = fields.violations.length;
  const read = readPriceModel(fields, `${prefix}model`, model);
  const modifiers = readPriceModifiers(fields, `${prefix}modifiers`, modifiersMessage);
  const rule: PriceRule = { model: read.model, ...(modifiers === undefined ? {} : { modifiers }) };
  // The core names a modifier's field from the version on, and a model's from the model on.
  const fieldOf = (path: string): string => (path.startsWith('modifiers.') ? `${prefix}${path}` : `${read.path}.${path}`);
  const problems = validatePriceRule(rule).map((problem) => ({ ...problem, path: fieldOf(problem.path) }));
  // A malformed decimal was noted above and read as 0; what the core says about that 0 would only confuse.
  const malformed = new Set(fields.violations.slice(notedBefore).map((violation) => violation.field));
  for (const { severity, path, reason, message } of problems) {
    if (severity === 'ERROR' && !malformed.has(path)) fields.refuse(path, reason, message);
  }
  return { rule, warnings: problems.filter(({ severity }) => severity === 'WARNING') };
}
