// Verifying a late run derives every run before it: a page at a time, however many.
import { startScenario } from '@valora/testkit/scenario';
import { parseInstant } from '@valora/rating';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fee, quietly, requests, startBook, verdicts, type Book } from './verification-book.ts';

let book: Book;
beforeAll(async () => { book = await startBook(); }, 120_000);
afterAll(() => book.stop());

const DAY = 86_400_000_000n;

// Plans are monthly as yet, and a thousand months can't be waited for: the days before are written down as billed.
test('run 3,654 of a subscription billed by the day for ten years verifies, and so do its late usage and the run after', async () => {
  const days = 3_653n; // 2016-01-01 to 2026-01-01
  const start = parseInstant('2016-01-01T00:00:00Z');
  const scenario = await startScenario(book.valora, '2016-01-01T00:00:00Z');
  await scenario.plan('team', [fee, requests]);
  await scenario.subscribe('acme', 'team', '2016-01-01T00:00:00Z');
  const { organizationId } = scenario.organization;
  await quietly(book.owner, async () => {
    await book.owner.query(`update subscription.subscription set interval = 'DAY' where organization_id = $1`, [organizationId]);
    await book.owner.query('update subscription.subscription_schedule set next_cycle_index = $2, next_open_time = $3 where organization_id = $1', [organizationId, days + 1n, start + days * DAY]);
    await book.owner.query('delete from subscription.billing_cycle where organization_id = $1', [organizationId]);
    await book.owner.query(
      `insert into subscription.billing_cycle (organization_id, subscription_reference, cycle_index, start_time, end_time, cutoff_time, grace_micros, tzdata_version, state, run_digest)
       select $1, 'acme', day, $2::bigint + (day - 1) * $4::bigint, $2::bigint + day * $4::bigint, $2::bigint + day * $4::bigint, 0, '2026a', 'CLOSED', 'written down' from generate_series(1, $3::bigint) as day`,
      [organizationId, start, days, DAY]);
  });
  await scenario.advance('2026-01-01T12:00:00Z');
  await scenario.use(['one', 'requests', 'acme', '2026-01-01T12:00:00Z', '10'], ['late', 'requests', 'acme', '2025-12-20T12:00:00Z', '7']);
  await scenario.advance('2026-01-03T00:00:00Z');
  expect((await scenario.invoices()).map(({ runIndex, lines }) => [runIndex, lines.map(({ price, cycleIndex }) => `${price} ${cycleIndex}`)])).toEqual([
    [3_654, ['fee 3654', 'requests 3654', 'requests 3642']],
    [3_655, ['fee 3655', 'requests 3655']],
  ]);
  expect(await verdicts(scenario)).toEqual(['match', 'match']);
  await quietly(book.owner, () => book.owner.query('delete from subscription.billing_cycle where organization_id = $1 and cycle_index = 1000', [organizationId]));
  expect(await verdicts(scenario)).toEqual(['CYCLE_MISSING', 'CYCLE_MISSING']);
}, 120_000);
