/**
 * The verdict on a case.
 *
 * A binding case passes or fails. One that isn't passes where it agrees; where it doesn't, or where we lack its shape, it is skipped with the
 * reason. A binding case is skipped only by a refutation: a calculation by hand that proves its answer wrong.
 * The trap: an error that has no name is a defect of the product or of this runner, whatever the case says, so it always fails.
 */
import { RatingError } from '@valora/rating';
import type { Answer, ConformanceCase } from './case.ts';
import { REFUTATIONS } from './refutations.ts';
import { runCase } from './run-case.ts';

export type Verdict =
  | { readonly kind: 'PASSED' }
  | { readonly kind: 'FAILED'; readonly why: readonly string[] }
  | { readonly kind: 'SKIPPED'; readonly why: string };

export function judge(one: ConformanceCase, refutations: Readonly<Record<string, string>> = REFUTATIONS): Verdict {
  const refutation = Object.hasOwn(refutations, one.id) ? refutations[one.id] : undefined;
  let answer: Answer;
  try {
    answer = runCase(one);
  } catch (error) {
    return refused(one, error);
  }
  if (answer.kind === 'OUTSIDE') return one.binding ? failed(`binding, but out of reach: ${answer.why}`) : skipped(`shape: ${answer.why}`);
  const { differences } = answer;
  if (differences.length === 0) return { kind: 'PASSED' };
  if (refutation !== undefined) return skipped(`refuted: ${refutation}`);
  return one.binding ? failed(...differences) : skipped(`convention: ${differences.join('; ')}${one.convention === '' ? '' : ` (${one.convention})`}`);
}

/** What the core refuses by name is an answer; anything else that is thrown is a defect. */
function refused({ binding }: ConformanceCase, error: unknown): Verdict {
  if (error instanceof RatingError && !binding) return skipped(`convention: we refuse it, ${error.reason}`);
  return failed(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}

function failed(...why: readonly string[]): Verdict {
  return { kind: 'FAILED', why };
}

function skipped(why: string): Verdict {
  return { kind: 'SKIPPED', why };
}
