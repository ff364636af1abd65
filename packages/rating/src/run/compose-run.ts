/**
 * The policy of a billing run, whole and in order.
 *
 * Run k bills, by line key, what the cycles up to k call for as known before its cutoff, minus what they called for as
 * known before the cutoff of run k − 1:
 *
 *     Σ (n ≤ k)  D_n(cutoff_k) − D_n(cutoff_{k−1})
 *
 * D_n(κ) are the settled lines of cycle n: usage and subscription facts recorded before κ, rated with the prices and
 * settings recorded before cutoff_n, each line rounded once. Nothing else decides an amount. Running it twice bills
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
import type { Instant } from '../time/instant.ts';
import { chargesOfCycle } from './charge.ts';
import { settleCredits } from './credit.ts';
import { differences } from './difference.ts';
import { currentCycle, sidesOfRun } from './run-side.ts';
import type { ComposedRun, CycleFact, RunFacts, RunLine, UsageAnswers } from './run.ts';
import { settingsKnownBefore } from './settings.ts';
import { type SettledLine, settleCharge } from './settle-charge.ts';

/**
 * Composes run k from its facts and the answers to `usageQueriesOfRun` of the same facts. Lines: the current cycle's,
 * then adjustments from the oldest cycle on; within a cycle in the subscription's order. Amounts in minor units of the
 * currency; total = subtotal − applied credits + own credit note.
 * Errors: PRICE_MISSING, PRICE_VERSION_MISSING, CURRENCY_MISMATCH, CURRENCY_UNKNOWN, TIERS_INVALID.
 */
export function composeRun(facts: RunFacts, usage: UsageAnswers): ComposedRun {
  requireEngineVersion(facts.engineVersion);
  const current = currentCycle(facts);
  const lines = sidesOfRun(facts)
    .flatMap(({ cycle, settledBefore, billedBefore }) => {
      const settled = settledLines(facts, usage, cycle, settledBefore);
      const billed = billedBefore === null ? [] : settledLines(facts, usage, cycle, billedBefore);
      return differences(facts, settled, billed);
    })
    .filter((line) => line.amountMinorUnits !== 0n || keepsZero(facts, current, line));
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
    issueTime: current.cutoff,
    canonicalInvoice: canonical,
    digest: sha256Hex(canonical),
  };
}

/** D_n(κ), in the subscription's order. */
function settledLines(
  facts: RunFacts,
  usage: UsageAnswers,
  cycle: CycleFact,
  knownBefore: Instant,
): readonly SettledLine[] {
  return chargesOfCycle(facts, cycle, knownBefore).map((charge) => settleCharge(facts, usage, charge));
}

/** A zero of the current cycle says that a thing was used and cost nothing; a zero adjustment says nothing. */
function keepsZero(facts: RunFacts, current: CycleFact, line: RunLine): boolean {
  return !line.isAdjustment && settingsKnownBefore(facts.settings, current.cutoff).keepZeroLines;
}
