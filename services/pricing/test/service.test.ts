/** The service as it is put together: its contracts behind a real server, called with a service token. */
import { CatalogServiceService } from '@valora/contracts/valora/pricing/v1/catalog';
import { contextFor, refusedWith, startTestService, type TestService } from '@valora/testkit/service';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPricingService } from '../src/service.ts';

let service: TestService;
beforeAll(async () => { service = await startTestService(createPricingService, 'subscription'); });
afterAll(() => service.stop());

test('a service may read the catalog, and an absent price is NOT_FOUND', async () => {
  const catalog = service.peer.stub(CatalogServiceService);
  expect(await catalog.listPrices(contextFor('org_a'), { pageSize: 0, pageToken: '' })).toEqual({ prices: [], nextPageToken: '' });
  expect(await refusedWith(catalog.getPrice(contextFor('org_a'), { code: 'absent' }))).toBe('NOT_FOUND');
});

test('a service may not write the catalog', async () => {
  expect(await refusedWith(service.peer.stub(CatalogServiceService).createPlan(contextFor('org_a'), { requestId: 'r' }))).toBe('SCOPE_MISSING');
});
