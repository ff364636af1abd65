// The subscription service as a process of its own.
import { runService } from '@valora/chassis';
import { createSubscriptionService } from './service.ts';

await runService('subscription', createSubscriptionService);
