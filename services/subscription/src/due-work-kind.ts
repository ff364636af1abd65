// The kinds of work of this service that fall due with time, as due work names them.

/** A cycle's start is reached. */
export const OPEN_CYCLES = 'OPEN_CYCLES';
/** A cycle's cutoff is reached, or the lease on its closing has ended. */
export const CLOSE_CYCLES = 'CLOSE_CYCLES';
