/**
 * The version of the arithmetic and of the canonical form, written into every canonical invoice.
 *
 * It is raised by one when the same facts would come to other bytes: an amount, the order of lines, a field of the
 * canonical form, a line key. Raising it needs an entry in the changelog under Amounts and a golden invoice that
 * differs. A run that is stored is always composed again with the version it was first composed with, so the arithmetic
 * of earlier versions stays, behind the number, and so do their goldens.
 */
import { invariant } from './errors.ts';

/**
 * What changed with each version, the first one's at place 0. A change is asked for by its number where the arithmetic
 * parts: `facts.engineVersion >= 2`. What merely adds (a model, a modifier, a kind of fact) changes no bytes of what was
 * there before, and so no version.
 */
export const ENGINE_CHANGES = [
  'The arithmetic and the canonical form that Valora began with.',
  'A date that begins twice counts from its first midnight, so that the days of parts add up (`time/days.ts`).',
] as const;

export const ENGINE_VERSION: number = ENGINE_CHANGES.length;

/** Breaks off on a version that this program does not know. */
export function requireEngineVersion(version: number): void {
  invariant(Number.isInteger(version) && version >= 1 && version <= ENGINE_VERSION, `engine version ${version} is not known`);
}
