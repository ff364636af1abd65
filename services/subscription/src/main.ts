// The subscription service as a process of its own.
import { dirname } from 'node:path';
import { runService } from '@valora/chassis';
import { createSubscriptionService } from './service.ts';

await runService('subscription', dirname(import.meta.dirname), createSubscriptionService);
