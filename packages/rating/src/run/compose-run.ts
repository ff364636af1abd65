/**
 * The policy of a billing run, whole and in order.
 *
 * Run k bills, by line key, what the cycles up to k call for as known before its cutoff, minus what they called for as
 * known before the cutoff of run k − 1:
 *
 *     Σ (n ≤ k)  D_n(cutoff_k) − D_n(cutoff_{k−1})
 *
 * and the same for fees in advance with n ≤ k + 1, so that run 0 bills the first of them. D_n(κ) are the settled lines of
 * cycle n: usage and subscription facts recorded before κ, rated with the prices and settings recorded before cutoff_n
 * (in advance: before cutoff_{n−1}), each line rounded once. A D_n not yet called for is empty. Nothing else decides an amount. Running it twice bills
 * nothing, and any run can be recomputed on any later day, because nothing here looks at a clock or at what was stored
 * before. Lines that sum below zero make a credit note, and what earlier runs left of theirs is used up below the
 * subtotal; that too follows from the runs before and moves no line.
 * The trap: the sum is not over money already billed but over what *would* have been; the two agree because earlier
 * runs were composed by this same function.
 */
import { canonicalInvoice } from '../canonical/canonical-invoice.ts';
import { sha256Hex } from '../canonical/derived-id.ts';
import { requireEngineVersion } from '../engine-version.ts';
import { currencyExponent } from '../number/currency.ts';
import { chargesOfCycle, type CycleView } from './charge.ts';
import { settleCredits } from './credit.ts';
import { differences } from './difference.ts';
import { sidesOfRun } from './run-side.ts';
import type { ComposedRun, RunFacts, RunLine, UsageAnswers } from './run.ts';
import { settingsKnownBefore } from './settings.ts';
import { settleCharge } from './settle-charge.ts';
import type { SettledLine } from './settled-line.ts';

/**
 * Composes run k from its facts and the answers to `usageQueriesOfRun` of the same facts. Lines: what is billed for the
 * first time, then adjustments from the oldest cycle on; within a cycle in the subscription's order. Amounts in minor units of the
 * currency; total = subtotal − applied credits + own credit note.
 * Errors: PRICE_MISSING, PRICE_VERSION_MISSING, CURRENCY_MISMATCH, CURRENCY_UNKNOWN, TIERS_INVALID, MATRIX_CELL_MISSING.
 */
export function composeRun(facts: RunFacts, usage: UsageAnswers): ComposedRun {
  requireEngineVersion(facts.engineVersion);
  const lines = sidesOfRun(facts)
    .flatMap(({ cycle, timing, settledBefore, billedBefore }) => {
      const settled = settledLines(facts, usage, { cycle, timing, knownBefore: settledBefore });
      const billed = billedBefore === null ? null : settledLines(facts, usage, { cycle, timing, knownBefore: billedBefore });
      return differences(facts, settled, billed);
    })
    .filter((line) => line.amountMinorUnits !== 0n || keepsZero(facts, line));
  const subtotalMinorUnits = lines.reduce((sum, line) => sum + line.amountMinorUnits, 0n);
  const outcome = settleCredits(facts.runIndex, subtotalMinorUnits, facts.credits);
  const exponent = currencyExponent(facts.currencyCode);
  const canonical = canonicalInvoice(facts, { lines, subtotalMinorUnits, ...outcome, exponent });
  return {
    lines,
    subtotalMinorUnits,
    ...outcome,
    currencyCode: facts.currencyCode,
    exponent,
    issueTime: facts.cutoff,
    canonicalInvoice: canonical,
    digest: sha256Hex(canonical),
  };
}

/** D_n(κ), in the subscription's order. */
function settledLines(facts: RunFacts, usage: UsageAnswers, view: CycleView): readonly SettledLine[] {
  return chargesOfCycle(facts, view).flatMap((charge) => settleCharge(facts, usage, charge));
}

/** A zero of the current cycle says that a thing was used and cost nothing; a zero adjustment says nothing. */
function keepsZero(facts: RunFacts, line: RunLine): boolean {
  return !line.isAdjustment && settingsKnownBefore(facts.settings, facts.cutoff).keepZeroLines;
}
