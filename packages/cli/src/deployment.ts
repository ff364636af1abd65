// What a deployment of separate services needs beside them: migrations, and the secrets, each service's apart.
import { createHash } from 'node:crypto';
import { newOperatorCredential, readNamedFile, serviceDatabaseUrls, serviceNames, type Environment } from '@valora/chassis';
import { migrateAll } from './prepare-database.ts';
import { databasePassword, keptSecret, randomSecret, requireDatabaseUrl } from './secrets.ts';

/** `valora migrate`: brings the schemas up to date and sets the passwords of the services' logins. Safe to repeat, also at once. */
export async function migrateCommand(environment: Environment, print: (line: string) => void): Promise<void> {
  const url = requireDatabaseUrl(environment['DATABASE_URL'] || readNamedFile('DATABASE_URL', environment));
  const roleSecret = environment['VALORA_ROLE_SECRET'] || readNamedFile('VALORA_ROLE_SECRET', environment) || databasePassword(url);
  if (roleSecret === undefined) throw new Error("VALORA_ROLE_SECRET is missing, and DATABASE_URL has no password: the services' passwords derive from one of them.");
  const applied = await migrateAll(url, roleSecret);
  for (const { schema, migration } of applied) print(`${schema}: ${migration}`);
  print(applied.length === 0 ? 'The database is up to date.' : `${applied.length} migrations were applied.`);
}

/**
 * `valora deployment-secrets <folder>`: writes what stands in the secrets of a deployment, a file each, readable by their owner
 * alone. What is there stays, so that it may be run again.
 */
export function deploymentSecrets(args: readonly string[], environment: Environment, print: (line: string) => void): void {
  const [folder, ...rest] = args;
  if (folder === undefined || rest.length > 0) throw new Error('Name the folder for the secrets: valora deployment-secrets <folder>. The owner\'s database is read from DATABASE_URL.');
  const ownerUrl = keptSecret(folder, 'database-url-owner', () => requireDatabaseUrl(environment['DATABASE_URL'] || readNamedFile('DATABASE_URL', environment)));
  const urlOf = serviceDatabaseUrls(ownerUrl, keptSecret(folder, 'role-secret', randomSecret));
  for (const service of serviceNames) keptSecret(folder, `database-url-${service}`, () => urlOf(service));
  keptSecret(folder, 'service-token-key', randomSecret);
  const operatorCredential = keptSecret(folder, 'operator-credential', newOperatorCredential);
  keptSecret(folder, 'operator-digest', () => createHash('sha256').update(operatorCredential).digest('hex'));
  print(`The secrets are in ${folder}. operator-credential is for the operator alone: no service needs it.`);
}
