// The scheduler as a process of its own. Any number of them may run: they share the work.
import { runService } from '@valora/chassis';
import { createSchedulerService } from './service.ts';

await runService('scheduler', (platform, { tickMs }) => createSchedulerService(platform, { tickIntervalMs: tickMs }));
