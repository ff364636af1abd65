// The public face of the command line's parts, by hand: the tests start and use Valora with the same code.
export { billTrace, SANDBOX_TIME, type TraceOptions, type TraceOutcome } from './bill-trace.ts';
export { callerOf, type Caller } from './caller.ts';
export { connect, type CallerStub, type Connection } from './connect.ts';
export { createPlan, subscribe, type PriceSample } from './sample.ts';
export { loadSecrets, type Secrets } from './secrets.ts';
export { startValora, type RunningValora, type ValoraOptions } from './start-valora.ts';
