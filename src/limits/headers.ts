import type { Limiter } from './limiter';

/** Where headers are set: a response of Node. */
interface HeaderSink {
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
}

/**
 * Sets `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10), as lists of structured fields (RFC
 * 9651): `"key-1m";q=1000;w=60` and `"key-1m";r=999;t=42`. Limits that could not be checked are left out.
 */
export function setLimitHeaders(res: HeaderSink, limiters: readonly Limiter[], wall: number): void {
  let policies = '';
  let limits = '';
  for (const limiter of limiters) {
    if (limiter.failure !== null) continue;
    const comma = policies === '' ? '' : ', ';
    policies += comma + limiter.policy;
    limits += `${comma}"${limiter.name}";r=${limiter.remaining};t=${limiter.secondsLeft(wall)}`;
  }
  if (policies === '' || res.headersSent) return;
  res.setHeader('RateLimit-Policy', policies);
  res.setHeader('RateLimit', limits);
}
