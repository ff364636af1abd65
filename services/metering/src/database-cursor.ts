/** Rows of one statement, a page at a time, so that memory holds one page whatever the number of rows. Within the transaction, one at a time. */
import type { Sql } from '@valora/chassis';

export async function* rowsInPages<Row>(sql: Sql, { text, values }: { readonly text: string; readonly values: readonly unknown[] }, pageSize: number): AsyncGenerator<Row, void, undefined> {
  await sql.query('set local cursor_tuple_fraction = 1'); // all rows are wanted: a plan that is quick at the first few would be the wrong one
  await sql.query(`declare pages no scroll cursor for ${text}`, values);
  try {
    for (;;) {
      const rows = await sql.query<Row>(`fetch forward ${pageSize} from pages`);
      yield* rows;
      if (rows.length < pageSize) return;
    }
  } finally {
    await sql.query('close pages');
  }
}
