/**
 * The role a service logs in as: it owns nothing, sees its own schema only, and can't step around row-level security. Roles belong to the whole cluster while the
 * migration lock belongs to one database, so two databases of one cluster may come here at once: losing that race is not an error.
 */
import { createHmac } from 'node:crypto';
import type pg from 'pg';
import { sqlState } from './database-errors.ts';

export interface ServiceRole {
  readonly name: string;
  readonly password: string;
}

const DUPLICATE_OBJECT = '42710';
const UNIQUE_VIOLATION = '23505';
const INTERNAL_ERROR = 'XX000';
const ATTEMPTS_MAX = 20;

/** The role's password: hex HMAC-SHA256 of its name under the secret, so that no password is stored anywhere but in the database. */
export function rolePassword(roleSecret: string, role: string): string {
  return createHmac('sha256', roleSecret).update(role).digest('hex');
}

export function serviceRole(schema: string, roleSecret: string): ServiceRole {
  const name = `valora_${schema}`;
  return { name, password: rolePassword(roleSecret, name) };
}

/** Creates the schema's role or sets its password anew. Refuses a role that was given rights it must not have. */
export async function ensureServiceRole(client: pg.Client, { schema, roleSecret }: { schema: string; roleSecret: string }): Promise<ServiceRole> {
  const role = serviceRole(schema, roleSecret);
  const { rows: [attributes] } = await client.query<{ privileged: boolean }>(
    `select not rolcanlogin or rolsuper or rolbypassrls or rolcreatedb or rolcreaterole or rolinherit or rolreplication
       or exists (select from pg_auth_members where member = pg_roles.oid) as privileged
     from pg_roles where rolname = $1`, [role.name]);
  if (attributes?.privileged === true) {
    throw new Error(`Role ${role.name} has rights a service must not have. Make it LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION, member of no role.`);
  }
  const password = client.escapeLiteral(role.password);
  if (attributes === undefined) {
    await lenient(client, `create role ${role.name} login nosuperuser nobypassrls nocreatedb nocreaterole noinherit noreplication password ${password}`);
  }
  await lenient(client, `alter role ${role.name} password ${password}`);
  return role;
}

/** Runs DDL on a role that another database's migration may be creating or altering at this moment. */
async function lenient(client: pg.Client, statement: string): Promise<void> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      await client.query(statement);
      return;
    } catch (error) {
      const state = sqlState(error);
      if (state === DUPLICATE_OBJECT || state === UNIQUE_VIOLATION) return; // created meanwhile
      const overtaken = state === INTERNAL_ERROR && error instanceof Error && error.message.includes('concurrently updated');
      if (!overtaken || attempts === ATTEMPTS_MAX) throw error;
    }
  }
}
