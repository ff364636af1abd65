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
  mkdirSync(dataFolder, { recursive: true });
  const secret = (name: string, make: () => string): string => {
    const path = join(dataFolder, name);
    try {
      return readFileSync(path, 'utf8').trim();
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
    const made = make();
    // Written aside and linked into place: complete or absent, and the first of two starts wins.
    const draft = `${path}.${randomUUID()}`;
    writeFileSync(draft, `${made}\n`, { mode: OWNER_ONLY });
    try {
      linkSync(draft, path);
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
    unlinkSync(draft);
    return readFileSync(path, 'utf8').trim();
  };
  const random = (): string => randomBytes(SECRET_BYTES).toString('hex');
  return {
    roleSecret: databasePassword(databaseUrl) ?? secret('role-secret', random),
    serviceTokenKey: Buffer.from(secret('service-token-key', random), 'hex'),
    operatorCredential: secret('operator-credential', newOperatorCredential),
  };
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function databasePassword(databaseUrl: string | undefined): string | undefined {
  if (databaseUrl === undefined) return undefined;
  if (!URL.canParse(databaseUrl) || !/^postgres(ql)?:/.test(databaseUrl)) throw new Error('DATABASE_URL is no PostgreSQL URL. Write it as postgresql://user:password@host:port/database.');
  const { password } = new URL(databaseUrl);
  return password === '' ? undefined : `valora roles: ${password}`;
}
