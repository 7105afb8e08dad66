export { createRedactResponse, type RedactDeps, type RouteSubject } from './redact-response';
export { selfTest } from './self-test';
