/** One organization with one subscription, and short words for what happens to it. */
import { CancelTiming, SubscriptionState } from '@valora/contracts/valora/subscription/v1/subscription';
import { as, createCustomer, line, newRequestId, shown, subscribe, type SubscriptionLab } from './subscription-lab.ts';

export function oneSubscription(lab: () => SubscriptionLab) {
  let organizations = 0;
  /** An organization of its own at 15 January with the subscription `s` since the given day. */
  async function furnished({ start = '2026-01-01T00:00:00Z', plan = 'calls' }: { start?: string; plan?: string } = {}): Promise<string> {
    organizations += 1;
    const organizationId = `org_cancel_${organizations}`;
    await createCustomer(lab(), organizationId, 'one', 'UTC');
    await subscribe(lab(), organizationId, { reference: 's', customer: 'one', plan, start });
    return organizationId;
  }

  async function open(organizationId: string): Promise<string[]> {
    await lab().cycles.openDueCycles(as(organizationId), { batchSizeMax: 1_000 });
    return await cycles(organizationId);
  }

  async function cycles(organizationId: string): Promise<string[]> {
    return (await lab().cycles.listBillingCycles(as(organizationId), { subscription: 's', pageSize: 0, pageToken: '' })).cycles.map(line);
  }

  async function claimed(organizationId: string): Promise<string[]> {
    return (await lab().cycles.claimDueCycles(as(organizationId), { batchSizeMax: 100, leaseDuration: { seconds: 600n, nanos: 0 }, withoutRetryDelay: false })).cycles.map(({ cycleIndex }) => String(cycleIndex));
  }

  async function stands(organizationId: string): Promise<[string, string]> {
    const { subscription } = await lab().subscriptions.getSubscription(as(organizationId), { reference: 's' });
    const [state = ''] = Object.entries(SubscriptionState).find(([, value]) => value === subscription?.state) ?? [];
    return [state, shown(subscription?.cancelTime)];
  }

  function atPeriodEnd(organizationId: string) {
    return lab().subscriptions.cancelSubscription(as(organizationId), { requestId: newRequestId(), reference: 's', timing: CancelTiming.PERIOD_END, reason: 'moved away' });
  }

  function uncancel(organizationId: string) {
    return lab().subscriptions.uncancelSubscription(as(organizationId), { requestId: newRequestId(), reference: 's' });
  }

  async function settle(organizationId: string, all = false): Promise<number> {
    return (await lab().cycles.openSettlementCycles(as(organizationId), { batchSizeMax: 100, all })).openedCount;
  }
  return { furnished, open, cycles, claimed, stands, atPeriodEnd, uncancel, settle };
}
