// Whether a service's database can be used: it answers, the login is good, and the schema is there with every migration that this
// version of the service knows. A newer one's may be there too.
import pg from 'pg';

const CONNECT_MS_MAX = 5_000;

/** Asks on a connection of its own each time; answers why not, or null. */
export function openDatabaseProbe({ url, schema, migrations }: { url: string; schema: string; migrations: readonly string[] }): () => Promise<Error | null> {
  return async () => {
    const client = new pg.Client({ connectionString: url, options: `-c search_path=${schema}`, connectionTimeoutMillis: CONNECT_MS_MAX, application_name: 'valora-probe' });
    client.on('error', () => undefined); // a broken connection fails the statement under way, that is enough
    try {
      await client.connect();
      const { rows: [found] } = await client.query<{ names: string | null }>(`select obj_description(to_regnamespace($1), 'pg_namespace') as names`, [schema]);
      const applied = new Set(found?.names?.split(' '));
      const missing = migrations.filter((name) => !applied.has(name));
      return missing.length === 0 ? null : new Error(`${missing.length} migrations of schema ${schema} are missing, ${missing[0]} first.`);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    } finally {
      await client.end().catch(() => undefined);
    }
  };
}
