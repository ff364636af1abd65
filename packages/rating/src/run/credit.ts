/**
 * Credits: what becomes of a run whose lines sum below zero, and of what earlier runs left over.
 *
 * An invoice is never negative. Lines that sum below zero make a credit note of that amount and nothing to pay; a later
 * run of the same subscription uses up what is left of earlier credit notes, oldest first, below its subtotal. Runs of
 * a subscription compose strictly in order, so what is left is a function of the runs before, on any day.
 * The trap: a credit moves what is to be paid, never a line; lines are differences and already right.
 */
import { invariant } from '../errors.ts';

/** What is left of the credit note of an earlier run. */
export interface CarriedCredit {
  /** The run that made the credit note. */
  readonly runIndex: number;
  /** Above zero. */
  readonly remainingMinorUnits: bigint;
}

export interface AppliedCredit {
  /** The run that made the credit note. */
  readonly runIndex: number;
  /** Above zero, and at most what was left. */
  readonly amountMinorUnits: bigint;
}

export interface CreditOutcome {
  /** Credits of earlier runs used up below the subtotal, oldest first. */
  readonly appliedCredits: readonly AppliedCredit[];
  /** What is to be paid: the subtotal less the applied credits; never below zero. */
  readonly totalMinorUnits: bigint;
  /** The amount of this run's own credit note, where its lines sum below zero; otherwise 0. */
  readonly creditMinorUnits: bigint;
}

/**
 * Settles the subtotal of a run against the credits carried to it: total = subtotal − applied + credit. Amounts in
 * minor units of the run's currency. Breaks off unless credits come oldest first, each of a run before this one, with
 * something left.
 */
export function settleCredits(
  runIndex: number,
  subtotalMinorUnits: bigint,
  credits: readonly CarriedCredit[],
): CreditOutcome {
  requireCarried(runIndex, credits);
  if (subtotalMinorUnits < 0n) {
    return { appliedCredits: [], totalMinorUnits: 0n, creditMinorUnits: -subtotalMinorUnits };
  }
  const appliedCredits: AppliedCredit[] = [];
  let totalMinorUnits = subtotalMinorUnits;
  for (const credit of credits) {
    if (totalMinorUnits === 0n) break;
    const { remainingMinorUnits } = credit;
    const amountMinorUnits = remainingMinorUnits < totalMinorUnits ? remainingMinorUnits : totalMinorUnits;
    appliedCredits.push({ runIndex: credit.runIndex, amountMinorUnits });
    totalMinorUnits -= amountMinorUnits;
  }
  return { appliedCredits, totalMinorUnits, creditMinorUnits: 0n };
}

/** What is left of the credits after a run, oldest first: what its next run is carried. */
export function carryCredits(
  run: { readonly runIndex: number; readonly credits: readonly CarriedCredit[] },
  outcome: CreditOutcome,
): readonly CarriedCredit[] {
  const used = new Map(outcome.appliedCredits.map(({ runIndex, amountMinorUnits }) => [runIndex, amountMinorUnits]));
  return [...run.credits, { runIndex: run.runIndex, remainingMinorUnits: outcome.creditMinorUnits }]
    .map(({ runIndex, remainingMinorUnits }) => ({
      runIndex,
      remainingMinorUnits: remainingMinorUnits - (used.get(runIndex) ?? 0n),
    }))
    .filter(({ remainingMinorUnits }) => remainingMinorUnits > 0n);
}

function requireCarried(ownRunIndex: number, credits: readonly CarriedCredit[]): void {
  let lastRunIndex = 0; // run 0 bills fees alone and has no credit
  for (const { runIndex, remainingMinorUnits } of credits) {
    invariant(runIndex > lastRunIndex && runIndex < ownRunIndex, 'credits come from earlier runs, oldest first');
    invariant(remainingMinorUnits > 0n, `nothing is left of the credit of run ${runIndex}`);
    lastRunIndex = runIndex;
  }
}
