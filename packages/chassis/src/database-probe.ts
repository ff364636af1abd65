// Whether a service's database can be used: it answers, the login is good, and the schema is there.
import pg from 'pg';

const CONNECT_MS_MAX = 5_000;

/** Asks on a connection of its own each time; answers why not, or null. */
export function openDatabaseProbe({ url, schema }: { url: string; schema: string }): () => Promise<Error | null> {
  return async () => {
    const client = new pg.Client({ connectionString: url, options: `-c search_path=${schema}`, connectionTimeoutMillis: CONNECT_MS_MAX, application_name: 'valora-probe' });
    client.on('error', () => undefined); // a broken connection fails the statement under way, that is enough
    try {
      await client.connect();
      await client.query('select now_micros()'); // made by the first migration
      return null;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    } finally {
      await client.end().catch(() => undefined);
    }
  };
}
