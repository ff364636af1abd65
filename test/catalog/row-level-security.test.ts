// The catalog proves it: every table of every schema is keyed by organization first, forced under row-level security, and
// out of reach of a role that could step around it. The exceptions are named here, with the reason.
import { serviceNames, serviceRole } from '@valora/chassis';
import { createTestDatabase, type TestDatabase } from '@valora/testkit';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** Tables without billing facts that must be seen across organizations. */
const EXCEPTIONS = [
  'invoicing.due_work', // when, never what
  'subscription.due_work',
  'metering.usage_archive', // a time, of all organizations alike
  'scheduler.job_run', // belongs to the operator
  'tenancy.organization_directory', // ids alone, for the operator's list
];
const BOOKKEEPING = serviceNames.map((name) => `${name}._prisma_migrations`);

let database: TestDatabase;
let owner: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await database.drop();
});

async function rows<Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> {
  return (await owner.query<Row>(sql)).rows;
}

const schemaList = serviceNames.map((name) => `'${name}'`).join(', ');
const tables = `select c.oid, n.nspname || '.' || c.relname as name, c.relrowsecurity as enabled, c.relforcerowsecurity as forced, n.nspname as schema
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p') and n.nspname in (${schemaList})`;

function withoutExceptions(names: readonly { readonly name: string }[]): string[] {
  return names.map(({ name }) => name).filter((name) => !EXCEPTIONS.includes(name) && !BOOKKEEPING.includes(name));
}

test('there are tables in every schema, and every named exception exists', async () => {
  const found = await rows<{ name: string; schema: string }>(tables);
  expect(new Set(found.map(({ schema }) => schema))).toEqual(new Set(serviceNames));
  expect(found.map(({ name }) => name)).toEqual(expect.arrayContaining([...EXCEPTIONS, ...BOOKKEEPING]));
});

test('every tenant table has row-level security enabled and forced', async () => {
  const open = (await rows<{ name: string; enabled: boolean; forced: boolean }>(tables)).filter(({ enabled, forced }) => !enabled || !forced);
  expect(withoutExceptions(open)).toEqual([]);
});

test('every tenant table has exactly one policy: its rows are those of the current organization, to read and to write', async () => {
  const policies = await rows<{ name: string; policies: string }>(`select name, coalesce((select string_agg(concat_ws(' ', p.polcmd, p.polpermissive, p.polroles,
    pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)), ';') from pg_policy p where p.polrelid = t.oid), '') as policies from (${tables}) t`);
  const expression = /^\* t \{0\} \(organization_id = (\w+\.)?current_organization\(\)\) \(organization_id = (\w+\.)?current_organization\(\)\)$/;
  expect(withoutExceptions(policies.filter((table) => !expression.test(table.policies)))).toEqual([]);
});

test('every primary key, unique key and foreign key of a tenant table starts with the organization', async () => {
  const keys = await rows<{ name: string; constraint: string }>(`select t.name, k.conname as constraint from (${tables}) t
    join pg_constraint k on k.conrelid = t.oid and k.contype in ('p', 'u', 'f')
    join pg_attribute a on a.attrelid = t.oid and a.attnum = k.conkey[1] where a.attname <> 'organization_id'`);
  const indexes = await rows<{ name: string }>(`select t.name from (${tables}) t join pg_index i on i.indrelid = t.oid
    join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0] where a.attname <> 'organization_id'`);
  const keyless = await rows<{ name: string }>(`select name from (${tables}) t where not exists (select from pg_constraint k where k.conrelid = t.oid and k.contype = 'p')`);
  expect(withoutExceptions([...keys, ...indexes, ...keyless])).toEqual([]);
});

test('no id comes from a sequence', async () => {
  expect(await rows(`select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'S' and n.nspname in (${schemaList})`)).toEqual([]);
});

test('no column holds binary floating point, money, or a time of less than a microsecond\'s exactness', async () => {
  const columns = await rows<{ name: string; column: string }>(`select t.name, a.attname as column from (${tables}) t join pg_attribute a on a.attrelid = t.oid
    where a.attnum > 0 and not a.attisdropped and a.atttypid in ('float4'::regtype, 'float8'::regtype, 'money'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype, 'date'::regtype)`);
  expect(columns.map(({ name }) => ({ name })).filter(({ name }) => !BOOKKEEPING.includes(name))).toEqual([]);
});

test('no view and no security definer function lets anybody around', async () => {
  expect(await rows(`select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('v', 'm') and n.nspname in (${schemaList})`)).toEqual([]);
  expect(await rows(`select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace where p.prosecdef and n.nspname in (${schemaList})`)).toEqual([]);
});

test.each(serviceNames)('the role of %s logs in, owns nothing, can\'t bypass row-level security, and reaches no other schema', async (service) => {
  const { name } = serviceRole(service, database.roleSecret);
  const [role] = await rows(`select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin from pg_roles where rolname = '${name}'`);
  expect(role).toEqual({ rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcreatedb: false, rolcanlogin: true });
  expect(await rows(`select relname from pg_class where relowner = '${name}'::regrole`)).toEqual([]);
  const reached = await rows<{ nspname: string }>(`select nspname from pg_namespace where nspname in (${schemaList}) and has_schema_privilege('${name}', nspname, 'usage')`);
  expect(reached.map(({ nspname }) => nspname)).toEqual([service]);
});

test('facts may be added and read by their service, nothing else', async () => {
  const granted = await rows<{ name: string; privileges: string }>(`select name, (select string_agg(distinct g.privilege_type, ',' order by g.privilege_type)
    from information_schema.role_table_grants g where g.grantee = 'valora_' || t.schema and g.table_schema || '.' || g.table_name = t.name) as privileges from (${tables}) t`);
  // No privileges at all: partitions, which are reached through their table.
  const changeable = granted.filter(({ privileges }) => privileges !== null && !['INSERT,SELECT', 'SELECT'].includes(privileges)).map(({ name }) => name).sort();
  // Projections, work lists and fences: whatever else changes is listed here on purpose.
  expect(changeable).toEqual(expect.arrayContaining(['invoicing.invoice_draft', 'invoicing.invoice_number']));
  expect(changeable.filter((name) => !/\.(fence|audit_head|due_work|invoice_draft|invoice_number|billing_cycle|subscription_schedule)$/.test(name))).toEqual([]);
});
