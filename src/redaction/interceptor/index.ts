export { createRedactResponse, type RedactDeps, type RouteSubject } from './middleware';
export { selfTest } from './self-test';
