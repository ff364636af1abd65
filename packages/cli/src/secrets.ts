// The secrets of an installation, made on first start and kept in its data folder, readable by its owner alone: what the
// database roles' passwords derive from, the key of service tokens, and the operator credential.
import { randomBytes, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newOperatorCredential } from '@valora/chassis';

export interface Secrets {
  readonly roleSecret: string;
  readonly serviceTokenKey: Uint8Array;
  readonly operatorCredential: string;
}

const SECRET_BYTES = 32;
const OWNER_ONLY = 0o600;

/**
 * Reads the data folder's secrets, or makes them. With a PostgreSQL of the operator's own the roles' passwords derive from
 * its URL's password instead, since several installations may use one database: each start sets the same passwords.
 */
export function loadSecrets(dataFolder: string, databaseUrl?: string): Secrets {
  return {
    roleSecret: databasePassword(databaseUrl) ?? keptSecret(dataFolder, 'role-secret', randomSecret),
    serviceTokenKey: Buffer.from(keptSecret(dataFolder, 'service-token-key', randomSecret), 'hex'),
    operatorCredential: keptSecret(dataFolder, 'operator-credential', newOperatorCredential),
  };
}

export function randomSecret(): string {
  return randomBytes(SECRET_BYTES).toString('hex');
}

/** What stands in the folder's file of this name, readable by its owner alone; made if absent. */
export function keptSecret(folder: string, name: string, make: () => string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
  // Written aside and linked into place: complete or absent, and the first of two starts wins.
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, `${make()}\n`, { mode: OWNER_ONLY });
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
  unlinkSync(draft);
  return readFileSync(path, 'utf8').trim();
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

export function requireDatabaseUrl(text: string): string {
  if (!URL.canParse(text) || !/^postgres(ql)?:/.test(text)) throw new Error('DATABASE_URL is no PostgreSQL URL. Write it as postgresql://user:password@host:port/database.');
  return text;
}

/** From which the roles' passwords derive where there is no role secret. */
export function databasePassword(databaseUrl: string | undefined): string | undefined {
  if (databaseUrl === undefined) return undefined;
  const { password } = new URL(requireDatabaseUrl(databaseUrl));
  return password === '' ? undefined : `valora roles: ${password}`;
}
