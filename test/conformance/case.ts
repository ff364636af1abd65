/**
 * A case of another system with its known answer, and what may come of running it.
 *
 * A case is told by its members and not by the name of its file, so a folder may be cut as one likes.
 * The trap: a case that cannot be run is not a case that passed. What lies outside is said, and fails where the case is binding.
 */
import type { Fields } from './fields.ts';

export interface ConformanceCase {
  /** Name of the file, without its folder. */
  readonly file: string;
  readonly id: string;
  /** Whether the answer has to be ours. Absent counts as true. */
  readonly binding: boolean;
  /** How the system thinks that the case comes from; empty where it says nothing. */
  readonly convention: string;
  readonly fields: Fields;
  readonly expected: Fields;
}

export type Answer =
  /** Ours beside theirs; no difference is agreement. */
  | { readonly kind: 'COMPARED'; readonly differences: readonly string[] }
  /** The shape of the case is beyond what the core has. */
  | { readonly kind: 'OUTSIDE'; readonly why: string };

/** A case with nothing to compare must not pass for agreeing with everything. */
export function nothingToCompare(...names: readonly string[]): Answer {
  return outside(`nothing to compare is expected: none of ${names.join(', ')}`);
}

export function compared(...differences: readonly (readonly string[])[]): Answer {
  return { kind: 'COMPARED', differences: differences.flat() };
}

export function outside(why: string): Answer {
  return { kind: 'OUTSIDE', why };
}
