/** Settlements, through the rpcs: what is opened for usage that was recorded after the last cutoff, and when it is looked for. */
import { parseInstant } from '@valora/rating';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { oneSubscription } from './one-subscription.ts';
import { as, cancel, createCustomer, openSubscriptionLab, settings, subscribe, type SubscriptionLab } from './subscription-lab.ts';

let lab: SubscriptionLab;
beforeAll(async () => { lab = await openSubscriptionLab(); });
afterAll(() => lab.close());

const { furnished, open, cycles, atPeriodEnd, settle } = oneSubscription(() => lab);

describe('a settlement', () => {
  async function ended(): Promise<string> {
    const organizationId = await furnished();
    await open(organizationId);
    await cancel(lab, organizationId, 's');
    await lab.setClock(organizationId, '2026-03-01T00:00:00Z');
    return organizationId;
  }

  test('is opened for what was recorded after the last cutoff, once, with the cutoff that follows from when', async () => {
    const organizationId = await ended();
    lab.firstRecorded.set('s', parseInstant('2026-02-10T00:00:00Z'));
    expect([await settle(organizationId), await settle(organizationId), await settle(organizationId, true)]).toEqual([1, 0, 0]);
    lab.firstRecorded.delete('s');
    expect(await cycles(organizationId)).toEqual([
      's 1: [2026-01-01, 2026-02-01) cutoff 2026-01-15T00:00:00.000001Z', 's 2: [2026-01-15T00:00:00.000001Z, 2026-01-15T00:00:00.000001Z) cutoff 2026-02-10T00:00:00.000001Z',
    ]);
  });

  test('is opened of all, in batches of one too; by turns a batch says that there are more', async () => {
    for (const all of [true, false]) {
      const organizationId = await ended();
      await createCustomer(lab, organizationId, 'two', 'UTC');
      await subscribe(lab, organizationId, { reference: 't', customer: 'two', plan: 'calls', start: '2026-01-01T00:00:00Z' });
      await cancel(lab, organizationId, 't', '2026-01-10T00:00:00Z');
      await lab.setClock(organizationId, '2026-03-01T01:00:00Z');
      await open(organizationId);
      lab.firstRecorded.set('s', parseInstant('2026-03-01T00:30:00Z')).set('t', parseInstant('2026-03-01T00:30:00Z'));
      const turn = () => lab.cycles.openSettlementCycles(as(organizationId), { batchSizeMax: 1, all });
      const turns = [await turn(), await turn(), await turn()];
      lab.firstRecorded.clear();
      expect(turns).toEqual(all
        ? [{ openedCount: 2, more: false }, { openedCount: 0, more: false }, { openedCount: 0, more: false }]
        : [{ openedCount: 1, more: true }, { openedCount: 1, more: true }, { openedCount: 0, more: expect.any(Boolean) }]);
    }
  });

  test('waits for the grace known when it was recorded', async () => {
    const organizationId = await ended();
    lab.firstRecorded.set('s', parseInstant('2026-02-10T00:00:00Z'));
    lab.settings = [settings('2020-01-01T00:00:00Z'), settings('2026-02-09T00:00:00Z', 86_400_000_000n), settings('2026-02-10T00:00:00Z', 0n)];
    await settle(organizationId);
    lab.settings = [settings('2020-01-01T00:00:00Z')];
    lab.firstRecorded.delete('s');
    expect((await cycles(organizationId))[1]).toBe('s 2: [2026-01-15T00:00:00.000001Z, 2026-01-15T00:00:00.000001Z) cutoff 2026-02-11T00:00:00.000001Z');
  });

  test('is opened once by eight that look at once', async () => {
    const organizationId = await ended();
    lab.firstRecorded.set('s', parseInstant('2026-02-10T00:00:00Z'));
    const opened = await Promise.all(Array.from({ length: 8 }, (_, index) => settle(organizationId, index % 2 === 0)));
    lab.firstRecorded.delete('s');
    expect(opened.reduce((sum, count) => sum + count, 0)).toBe(1);
    expect(await cycles(organizationId)).toHaveLength(2);
  });

  test('is looked for when its turn comes, or of all at once', async () => {
    const organizationId = await ended();
    await settle(organizationId);
    lab.firstRecorded.set('s', parseInstant('2026-03-01T00:00:00Z'));
    // 45 days after the last cutoff the next look is in 4.5 days, at most one day.
    await lab.setClock(organizationId, '2026-03-01T23:59:59.999999Z');
    expect(await settle(organizationId)).toBe(0);
    await lab.setClock(organizationId, '2026-03-02T00:00:00Z');
    expect(await settle(organizationId)).toBe(1);
    lab.firstRecorded.set('s', parseInstant('2026-03-02T00:00:00Z'));
    expect(await settle(organizationId, true)).toBe(1);
    lab.firstRecorded.delete('s');
  });

  test('is not looked for while cycles are still to be opened: it would take the place of one', async () => {
    const organizationId = await furnished({ start: '2025-11-01T00:00:00Z' });
    await lab.cycles.openDueCycles(as(organizationId), { batchSizeMax: 1 });
    await cancel(lab, organizationId, 's');
    await lab.setClock(organizationId, '2026-01-20T00:00:00Z');
    lab.firstRecorded.set('s', parseInstant('2026-01-16T00:00:00Z'));
    const before = await settle(organizationId, true);
    await open(organizationId);
    const after = await settle(organizationId, true);
    lab.firstRecorded.delete('s');
    expect([before, after]).toEqual([0, 1]);
  });

  test('is not looked for where the cancel is at the very start, though a cycle was opened: there is no time in service', async () => {
    const organizationId = await furnished({ start: '2026-01-15T00:00:00Z' });
    await cancel(lab, organizationId, 's');
    expect(await open(organizationId)).toHaveLength(1);
    await lab.setClock(organizationId, '2026-01-20T00:00:00Z');
    lab.firstRecorded.set('s', parseInstant('2026-01-16T00:00:00Z'));
    const opened = await settle(organizationId, true);
    lab.firstRecorded.delete('s');
    expect(opened).toBe(0);
  });

  test('is not looked for before a cancel is final, nor without a meter or a time in service', async () => {
    lab.firstRecorded.set('s', parseInstant('2026-04-01T00:00:00Z')); // after every cutoff here, so that only not looking keeps it from being found
    const running = await furnished();
    await open(running);
    await atPeriodEnd(running);
    const feesOnly = await furnished({ plan: 'fees' });
    await open(feesOnly);
    await cancel(lab, feesOnly, 's');
    const neverBegun = await furnished({ start: '2026-03-01T00:00:00Z' });
    await cancel(lab, neverBegun, 's');
    for (const organizationId of [running, feesOnly, neverBegun]) await lab.setClock(organizationId, '2026-01-20T00:00:00Z');
    expect([await settle(running, true), await settle(feesOnly, true), await settle(neverBegun, true)]).toEqual([0, 0, 0]);
    lab.firstRecorded.delete('s');
  });
});
