/** Customers, through the rpcs. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { as, at, CLOCK, createCustomer, newRequestId, openSubscriptionLab, refusal, type SubscriptionLab } from './subscription-lab.ts';

let lab: SubscriptionLab;
beforeAll(async () => { lab = await openSubscriptionLab(); });
afterAll(() => lab.close());

test('a customer is created once, and read back', async () => {
  const request = { requestId: newRequestId(), customer: { reference: 'cust/1?x=[y]', displayName: 'Żółw & Söhne', timeZone: 'Asia/Kathmandu' } };
  const created = await lab.customers.createCustomer(as('org_a'), request);
  expect(created.customer).toEqual({ ...request.customer, recordedTime: at(CLOCK) });
  expect(await lab.customers.createCustomer(as('org_a'), request)).toEqual(created);
  expect((await lab.customers.getCustomer(as('org_a'), { reference: 'cust/1?x=[y]' })).customer).toEqual(created.customer);
  expect((await refusal(createCustomer(lab, 'org_a', 'cust/1?x=[y]'))).reason).toBe('ALREADY_EXISTS');
});

test.each([
  ['a space', { reference: 'cust 1' }, 'customer.reference'],
  ['129 characters', { reference: 'c'.repeat(129) }, 'customer.reference'],
  ['an offset for a zone', { timeZone: '+02:00' }, 'customer.time_zone'],
  ['201 characters of name', { displayName: 'n'.repeat(201) }, 'customer.display_name'],
])('%s is refused', async (_title, wrong, field) => {
  const call = lab.customers.createCustomer(as('org_a'), { requestId: newRequestId(), customer: { reference: 'fine', displayName: '', timeZone: '', ...wrong } });
  expect(await refusal(call)).toMatchObject({ reason: 'FIELD_INVALID', metadata: { field } });
});

test('customers are listed by reference in byte order, and another organization sees none', async () => {
  for (const reference of ['b', 'B', 'a', '~', '0']) await createCustomer(lab, 'org_list', reference);
  const first = await lab.customers.listCustomers(as('org_list'), { pageSize: 3, pageToken: '' });
  const second = await lab.customers.listCustomers(as('org_list'), { pageSize: 3, pageToken: first.nextPageToken });
  expect([first, second].map(({ customers }) => customers.map(({ reference }) => reference).join(' '))).toEqual(['0 B a', 'b ~']);
  expect((await lab.customers.listCustomers(as('org_stranger'), { pageSize: 0, pageToken: '' })).customers).toEqual([]);
  expect((await refusal(lab.customers.getCustomer(as('org_stranger'), { reference: 'a' }))).reason).toBe('NOT_FOUND');
});
