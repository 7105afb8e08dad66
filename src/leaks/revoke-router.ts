import type { NextFunction, Request, Response } from 'express';
import { z } from 'zod';
import type { Clock } from '../clock';
import type { Middleware } from '../http/middleware';
import { readBody } from '../http/read-body';
import { readRequestAddress } from '../http/request-address';
import { networkOf } from '../keys/address-list';
import { rateLimit } from '../keys/rate-limit-schema';
import type { RateLimitInput } from '../keys/types';
import { AddressLimits } from '../limits/address-limits';
import type { LimitStore } from '../store/limit-store';
import { parseInput } from '../validate-input';
import { type ServeDeps, sendJson, servePost } from './serve';
import type { ReportToken } from './service';

/** Options of `revokeRouter`. */
export interface RevokeRouterOptions {
  /** Limit of the requests from one address, or from the /64 network of an IPv6 address. Default 20 a minute. */
  readonly rateLimit?: RateLimitInput;
}

const optionsSchema = z.strictObject({ rateLimit: rateLimit.prefault({ limit: 20, window: '1m' }) });
const bodySchema = z.strictObject({ token: z.string().min(1).max(8192) });

const MAX_BODY = 32_768;
/** The same for every token, so that it does not tell which ones exist. */
const DONE = { revoked: true } as const;
const EXPOSURE = { policy: 'revoke', source: 'revoke endpoint', url: null } as const;

export interface RevokeRouterDeps extends ServeDeps {
  readonly reportToken: ReportToken;
  readonly store: LimitStore;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly storeTimeout: number;
}

export function createRevokeRouter(deps: RevokeRouterDeps) {
  const { reportToken } = deps;

  return function revokeRouter(options: RevokeRouterOptions = {}): Middleware {
    const { rateLimit: limit } = parseInput(optionsSchema, options, 'revokeRouter', 'invalid_options');
    const limits = new AddressLimits({ ...deps, limit });

    async function revoke(req: Request, res: Response): Promise<void> {
      // Behind a proxy that the app does not trust, all callers share the address of the proxy.
      const address = readRequestAddress(req) ?? req.socket.remoteAddress ?? 'unknown';
      await limits.take(networkOf(address));
      const body = await readBody(req, MAX_BODY, 'revokeRouter');
      const { token } = parseInput(bodySchema, body, 'The request');
      await reportToken(token, EXPOSURE, { actor: 'token holder', source: address });
      sendJson(res, DONE);
    }

    const serve = servePost(revoke, deps, 'Token');
    return function route(req: Request, res: Response, next: NextFunction): void {
      if (req.path === '/revoke') serve(req, res, next);
      else next();
    } as Middleware;
  };
}
