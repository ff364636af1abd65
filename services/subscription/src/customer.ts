// A customer: whom subscriptions and usage belong to, under the caller's own reference. Its usage may be older than itself.
import { timestampFromInstant, type Fields } from '@valora/chassis';
import type { Customer as CustomerMessage } from '@valora/contracts/valora/subscription/v1/customer';
import type { Instant } from '@valora/rating';

export interface Customer {
  readonly reference: string;
  readonly displayName: string;
  /** IANA zone of its new subscriptions; null for the organization's. */
  readonly timeZone: string | null;
  readonly recordedTime: Instant;
}

const DISPLAY_NAME_LENGTH_MAX = 200;

export function parseCustomer(fields: Fields, message: CustomerMessage): Omit<Customer, 'recordedTime'> {
  return {
    reference: fields.reference('customer.reference', message.reference),
    displayName: fields.text('customer.display_name', message.displayName, { lengthMax: DISPLAY_NAME_LENGTH_MAX }),
    timeZone: message.timeZone === '' ? null : fields.timeZone('customer.time_zone', message.timeZone),
  };
}

export function customerToProto({ reference, displayName, timeZone, recordedTime }: Customer): CustomerMessage {
  return { reference, displayName, timeZone: timeZone ?? '', recordedTime: timestampFromInstant(recordedTime) };
}
