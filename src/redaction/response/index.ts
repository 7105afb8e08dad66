export { createRedactResponse } from './redact-response';
export type { RedactDeps } from './response-context';
