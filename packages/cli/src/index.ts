// The public face of the command line's parts, by hand: the tests start Valora with the same code.
export { connect, type Connection } from './connect.ts';
export { loadSecrets, type Secrets } from './secrets.ts';
export { startValora, type RunningValora, type ValoraOptions } from './start-valora.ts';
export { billTrace, type TraceOptions, type TraceOutcome } from './bill-trace.ts';
