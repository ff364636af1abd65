/**
 * The version of the arithmetic and of the canonical form, written into every canonical invoice.
 *
 * It is raised by one when the same facts would come to other bytes: an amount, the order of lines, a field of the
 * canonical form, a line key. Raising it needs an entry in the changelog under Amounts and a golden invoice that
 * differs; the goldens of earlier versions stay.
 */
export const ENGINE_VERSION = 1;
