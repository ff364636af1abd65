/** A quantity on its way to the model, and the steps that brought it there. */
import type { RatableQuantity } from '../model/model.ts';
import type { RatingStep } from '../trace/trace.ts';

export interface PreparedQuantity {
  readonly rated: RatableQuantity;
  readonly steps: () => readonly RatingStep[];
}
