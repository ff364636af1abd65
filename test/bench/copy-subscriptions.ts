// Many subscriptions quickly: the rows that the API made for the first one, copied under other references. Which columns there are is read from the catalog, so a copy is
// whole whatever a migration adds; what names the subscription or its customer is replaced.
import type pg from 'pg';

/** In the order of their foreign keys. */
const TABLES = ['customer', 'subscription', 'subscription_fact', 'subscription_item', 'subscription_schedule'];
const NAMING = new Set(['reference', 'subscription_reference', 'customer_reference']);

/** Of customer and subscription number `position`. */
export function referenceOf(position: number): string {
  return `c-${String(position).padStart(7, '0')}`;
}

/** Copies the subscription number 0 of the organization until there are `count`. */
export async function copySubscriptions(owner: pg.Client, organizationId: string, count: number): Promise<void> {
  for (const table of TABLES) {
    const { rows } = await owner.query<{ name: string }>(
      `select column_name as name from information_schema.columns where table_schema = 'subscription' and table_name = $1 and is_generated = 'NEVER' order by ordinal_position`, [table]);
    const columns = rows.map(({ name }) => name);
    const naming = columns.find((name) => NAMING.has(name));
    if (naming === undefined) throw new Error(`subscription.${table} names no subscription`);
    const copied = columns.map((name) => (NAMING.has(name) ? `'c-' || lpad(number::text, 7, '0')` : `first."${name}"`));
    await owner.query(
      `insert into subscription.${table} (${columns.map((name) => `"${name}"`).join(', ')})
       select ${copied.join(', ')} from subscription.${table} as first, generate_series(1, $2::int - 1) as number
       where first.organization_id = $1 and first.${naming} = $3`, [organizationId, count, referenceOf(0)]);
  }
  await owner.query(`analyze ${TABLES.map((table) => `subscription.${table}`).join(', ')}`);
}
