// Source records that no longer make a run: an answer of verification, not an error of it. Each reason that is not the rating
// core's own is here. The trap: a service that can't be reached says nothing about records and stays an error.
import { CallError, DomainError } from '@valora/chassis';
import { InvariantError, RatingError } from '@valora/rating';

/** Why the source records make no run. */
export class NotDerivable extends Error {
  override readonly name = 'NotDerivable';
  readonly reason: string;
  constructor(reason: string, message: string, options: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Anything thrown while deriving, as NotDerivable where it speaks of the records. */
export function notDerivable(thrown: unknown): unknown {
  const because = (reason: string, message: string): NotDerivable => new NotDerivable(reason, message, { cause: thrown });
  if (thrown instanceof RatingError) return because(thrown.reason, thrown.message);
  if (thrown instanceof InvariantError) return because('FACTS_IMPOSSIBLE', `The source records contradict each other: ${thrown.message}.`);
  if (thrown instanceof DomainError) return fromDomain(thrown, because);
  if (!(thrown instanceof CallError)) return thrown;
  if (thrown.reason === 'NOT_FOUND') return because('SOURCE_MISSING', `A source record is missing: ${thrown.message}`);
  // What one service holds, another one refuses to be asked with: no caller's mistake, as nothing of it came from the caller.
  if (thrown.reason === 'FIELD_INVALID') return because('FACTS_IMPOSSIBLE', `A source record holds what no service would store: ${thrown.message}`);
  // A service's own word that it failed; without a reason it would be the transport's, about a connection.
  return thrown.reason === 'INTERNAL' ? because('SOURCE_UNREADABLE', `A service can't read its own records: ${thrown.message} It logged why.`) : thrown;
}

function fromDomain(error: DomainError, because: (reason: string, message: string) => NotDerivable): unknown {
  const { subscription = '', cycle_index: cycleIndex = '' } = error.facts.metadata ?? {};
  switch (error.reason) {
    case 'SEAL_TOO_EARLY':
      return because('CUTOFF_MOVED', `The cutoff of cycle ${cycleIndex} of subscription "${subscription}" lies after the stored cutoff of the run.`);
    case 'NOT_FOUND':
      return because('CYCLE_MISSING', `A source record is missing: ${error.message}`);
    default:
      return error;
  }
}
