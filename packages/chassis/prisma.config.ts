/** How the prisma command finds the schema of the tests. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'prisma/config';

// These commands never start the schema engine, but they fail without the path of an existing file: it would otherwise be downloaded. So they are given this one.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= fileURLToPath(import.meta.url);

export default defineConfig({
  schema: 'test/lab/schema.prisma',
  migrations: { path: 'test/lab/migrations' },
});
