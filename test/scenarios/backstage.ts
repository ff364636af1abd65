// What scenarios do behind the callers' backs: move a sandbox's clock without doing its due work, call internal rpcs as a
// service, and start more schedulers on the same database, as replicas do.
import { credentials } from '@grpc/grpc-js';
import { createPeer, createServiceTokenIssuer, instantFromTimestamp, secretDigest, serviceDatabaseUrls, timestampFromInstant, type OutgoingContext, type Peer, type Platform, type Stub, type Timestamp } from '@valora/chassis';
import { FenceServiceService as InvoicingFence } from '@valora/contracts/valora/invoicing/v1/fence';
import { DueWorkServiceService as InvoicingDueWork } from '@valora/contracts/valora/invoicing/v1/invoice';
import { FenceServiceService as MeteringFence } from '@valora/contracts/valora/metering/v1/fence';
import { FenceServiceService as PricingFence } from '@valora/contracts/valora/pricing/v1/fence';
import { DueWorkServiceService as SubscriptionDueWork } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { FenceServiceService as SubscriptionFence } from '@valora/contracts/valora/subscription/v1/fence';
import { FenceServiceService as TenancyFence } from '@valora/contracts/valora/tenancy/v1/fence';
import type { Instant } from '@valora/rating';
import { createSchedulerService } from '@valora/scheduler';
import type { TestValora } from '@valora/testkit/valora';
import { expect } from 'vitest';

export interface Replicas {
  /** The sum of a metric's sample over all replicas; `sample` is the name with its labels. */
  total(sample: string): Promise<number>;
  /** Stops after the batches under way. */
  stop(): Promise<void>;
}

export interface Backstage {
  /** Calls as a service, with `contextFor`. */
  readonly peer: Peer;
  /** Moves the clock in every service's fence, subscription's last, and does none of the work that falls due. */
  setClock(organizationId: string, time: Instant): Promise<void>;
  /** Waits until whoever works on it has left nothing due at `time` or before. */
  workDone(organizationId: string, time: Instant): Promise<void>;
  startReplicas(count: number): Promise<Replicas>;
  close(): void;
}

const CALL_MS = 60_000;
const WORK_MS = 60_000;
const POLL_MS = 20;
/** Short, so that replicas meet often. */
const TICK_MS = 5;

export function contextFor(organizationId: string): OutgoingContext {
  return { organizationId, caller: { actor: 'test' }, deadlineMs: Date.now() + CALL_MS, callDepth: 0 };
}

export function openBackstage(valora: TestValora): Backstage {
  const { address, database, secrets } = valora;
  const peer = createPeer({ address: () => address, channelCredentials: credentials.createInsecure(), service: 'test', tokens: createServiceTokenIssuer(secrets.serviceTokenKey) });
  const fences: readonly Pick<Stub<typeof TenancyFence>, 'setClock'>[] =
    [peer.stub(MeteringFence), peer.stub(PricingFence), peer.stub(TenancyFence), peer.stub(InvoicingFence), peer.stub(SubscriptionFence)];
  const dueWork: readonly Pick<Stub<typeof SubscriptionDueWork>, 'getNextDueTime'>[] = [peer.stub(SubscriptionDueWork), peer.stub(InvoicingDueWork)];
  const platform: Platform = {
    databaseUrl: serviceDatabaseUrls(database.url, secrets.roleSecret), serviceTokenKey: secrets.serviceTokenKey, operatorDigest: secretDigest(secrets.operatorCredential),
    peerAddress: () => address, poolSizeMax: 2, writeLog: () => {},
  };
  return {
    peer,
    async setClock(organizationId, time) {
      for (const fence of fences) await fence.setClock(contextFor(organizationId), { currentTime: timestampFromInstant(time) });
    },
    async workDone(organizationId, time) {
      // Subscription first: work moves from there to invoicing, where it shows before it is gone here.
      await expect.poll(async () => {
        for (const service of dueWork) if (isDue(await service.getNextDueTime(contextFor(organizationId), {}), time)) return 'due';
        return 'done';
      }, { timeout: WORK_MS, interval: POLL_MS }).toBe('done');
    },
    async startReplicas(count) {
      const replicas = await Promise.all(Array.from({ length: count }, () => createSchedulerService(platform, { tickIntervalMs: TICK_MS })));
      return {
        async total(sample) {
          const texts = await Promise.all(replicas.map(({ registry }) => registry.metrics()));
          return texts.reduce((sum, text) => sum + sampleOf(text, sample), 0);
        },
        stop: async () => void await Promise.all(replicas.map((replica) => replica.close())),
      };
    },
    close: () => peer.close(),
  };
}

function isDue({ dueTime }: { readonly dueTime?: Timestamp | undefined }, time: Instant): boolean {
  return dueTime !== undefined && instantFromTimestamp(dueTime) <= time;
}

function sampleOf(metrics: string, sample: string): number {
  return Number(metrics.split('\n').find((line) => line.startsWith(`${sample} `))?.slice(sample.length + 1) ?? 0);
}
