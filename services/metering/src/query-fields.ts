/** The fields that bulk queries of usage have in common. */
import type { Fields } from '@valora/chassis';

export const QUERIES_MAX = 10_000;
const QUERY_KEY_LENGTH_MAX = 512;

/** Checks the callers' names of queries: given, bounded, no two alike. */
export function parseQueryKeys(fields: Fields, queries: readonly { readonly queryKey: string }[]): void {
  const seen = new Set<string>();
  queries.forEach(({ queryKey }, index) => {
    fields.text(`queries[${index}].query_key`, queryKey, { lengthMin: 1, lengthMax: QUERY_KEY_LENGTH_MAX });
    if (seen.has(queryKey)) fields.refuse(`queries[${index}].query_key`, 'REPEATED', 'Give each query a key of its own.');
    seen.add(queryKey);
  });
}

/** A subscription's reference; empty for events that name none. */
export function parseSubscription(fields: Fields, field: string, value: string): string {
  return value === '' ? value : fields.reference(field, value);
}
