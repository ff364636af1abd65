/** How the prisma command finds this service's schema and migrations. Only `generate`, `validate` and `format` are used; chassis applies the migrations at run time. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'prisma/config';

// These commands never start the schema engine, but they fail without the path of an existing file: it would otherwise be downloaded. So they are given this one.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= fileURLToPath(import.meta.url);

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
});
