/** Binding cases that are wrong, by id, each with the calculation that shows it. Empty is how it should be. */
export const REFUTATIONS: Readonly<Record<string, string>> = {};
