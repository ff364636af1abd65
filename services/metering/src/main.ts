// The metering service as a process of its own.
import { runService } from '@valora/chassis';
import { createMeteringService } from './service.ts';

await runService('metering', createMeteringService);
