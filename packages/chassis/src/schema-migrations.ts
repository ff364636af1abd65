/**
 * Which migrations make a service's schema: those every schema stands on, those for due work where the service's package.json asks for them
 * (`"valora": { "dueWork": true }`), and its own.
 */
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SchemaMigrations } from './migrate.ts';

const migrationsFolder = fileURLToPath(new URL('../migrations', import.meta.url));

/** The migrations of the service in this folder (`services/metering` owns schema `metering`). */
export async function schemaMigrations(serviceFolder: string): Promise<SchemaMigrations> {
  const folder = resolve(serviceFolder);
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { readonly valora?: { readonly dueWork?: boolean } };
  const dueWork = manifest.valora?.dueWork === true ? [join(migrationsFolder, 'due-work')] : [];
  return { schema: basename(folder), folders: [join(migrationsFolder, 'ground'), ...dueWork, join(folder, 'prisma', 'migrations')] };
}
