/** The service as it is put together: its contracts behind a real server, called with a service token. */
import { CustomerServiceService } from '@valora/contracts/valora/subscription/v1/customer';
import { contextFor, refusedWith, startTestService, type TestService } from '@valora/testkit/service';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSubscriptionService } from '../src/service.ts';

let service: TestService;
beforeAll(async () => { service = await startTestService(createSubscriptionService, 'invoicing'); });
afterAll(() => service.stop());

test('a service may read customers, and an absent one is NOT_FOUND', async () => {
  const customers = service.peer.stub(CustomerServiceService);
  expect(await customers.listCustomers(contextFor('org_a'), { pageSize: 0, pageToken: '' })).toEqual({ customers: [], nextPageToken: '' });
  expect(await refusedWith(customers.getCustomer(contextFor('org_a'), { reference: 'absent' }))).toBe('NOT_FOUND');
});

test('a service may not create customers', async () => {
  expect(await refusedWith(service.peer.stub(CustomerServiceService).createCustomer(contextFor('org_a'), { requestId: 'r' }))).toBe('SCOPE_MISSING');
});
