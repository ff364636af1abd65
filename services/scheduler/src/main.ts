// The scheduler as a process of its own. Any number of them may run: they share the work.
import { dirname } from 'node:path';
import { runService } from '@valora/chassis';
import { createSchedulerService } from './service.ts';

await runService('scheduler', dirname(import.meta.dirname), (platform, { tickMs }) => createSchedulerService(platform, { tickIntervalMs: tickMs }));
