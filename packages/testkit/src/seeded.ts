/** A whole number from 0 to below the bound. */
export type Below = (bound: number) => number;

/** Odd, with its bits well mixed: seeds that follow each other then begin far apart. */
const SPREAD = 0x9e3779b1;

/** The same numbers for the same seed: a 32-bit generator (xorshift, Marsaglia 2003). */
export function seeded(seed: number): Below {
  let state = Math.imul(seed, SPREAD) | 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}
