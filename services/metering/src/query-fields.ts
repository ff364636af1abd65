/** What requests that read usage have in common: many queries in one, each under a name that the caller gave it, and pages in the order of time. */
import { fieldInvalid, Fields } from '@valora/chassis';

const QUERIES_MAX = 10_000;
const QUERY_KEY_LENGTH_MAX = 512;

/** Reads the queries of a request with `parse`, which is told the path of its query. Throws FIELD_INVALID with the problems of all of them. */
export function parseQueries<Message extends { readonly queryKey: string }, Query>(
  messages: readonly Message[], parse: (fields: Fields, field: string, message: Message) => Query,
): Query[] {
  const fields = new Fields();
  fields.count('queries', messages, { min: 1, max: QUERIES_MAX });
  fields.check();
  const seen = new Set<string>();
  const queries = messages.map((message, index) => {
    const field = `queries[${index}]`;
    fields.text(`${field}.query_key`, message.queryKey, { lengthMin: 1, lengthMax: QUERY_KEY_LENGTH_MAX });
    if (seen.has(message.queryKey)) fields.refuse(`${field}.query_key`, 'REPEATED', 'Give each query a key of its own.');
    seen.add(message.queryKey);
    return parse(fields, field, message);
  });
  fields.check();
  return queries;
}

/** A subscription's reference; empty for events that name none. */
export function parseSubscription(fields: Fields, field: string, value: string): string {
  return value === '' ? value : fields.reference(field, value);
}

const MICROS = /^-?[0-9]{1,18}$/;

/** A time in a page token is one that a list wrote there. */
export function requireMicros(text: string | undefined): void {
  if (text === undefined || MICROS.test(text)) return;
  throw fieldInvalid([{ field: 'page_token', reason: 'MALFORMED', description: 'Is not a token of this list. Send the next_page_token of the last response.' }]);
}
