import type { ClientRequest, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Request, RequestHandler, Response } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { ApiError } from '../api-error';
import { UPSTREAM_SECRET_HEADER, type UpstreamAddress } from '../upstream';
import { guardConversations } from './conversations-list';
import { type Platform, projectOf } from './project';

/** Milliseconds without a word from the upstream. */
const PATIENCE = 10_000;

function queryOf(req: Request): string {
  const start = req.originalUrl.indexOf('?');
  return start === -1 ? '' : req.originalUrl.slice(start);
}

/**
 * `GET /proxied/v3/:account_id/:project_id/conversations`: the same list, written by a server that knows nothing of
 * keyscope and lets everything out. What the project has not enabled is taken away on the way through.
 */
export function proxiedConversations(platform: Platform, upstream: UpstreamAddress): RequestHandler[] {
  const proxy = createProxyMiddleware<Request, Response>({
    target: upstream.url,
    proxyTimeout: PATIENCE,
    // By the ids that were authorized: the upstream has no names to understand differently.
    pathRewrite: (_path, req) => {
      const project = projectOf(req.res as Response);
      return `/v3/${project.workspaceId}/${project.id}/conversations${queryOf(req)}`;
    },
    on: {
      proxyReq(proxyReq: ClientRequest) {
        // The caller's token is between the caller and us.
        proxyReq.removeHeader('x-api-key');
        proxyReq.setHeader(UPSTREAM_SECRET_HEADER, upstream.secret);
      },
      proxyRes(proxyRes: IncomingMessage, _req, res) {
        // Between the upstream and us (RFC 9110, 7.6.1): its "close" would end the caller's connection with us, and some
        // clients do not notice a body that is cut short where the connection was to close anyway.
        delete proxyRes.headers.connection;
        // Cut off up there, cut off down here: an ended response would look whole, an open one would hang.
        proxyRes.on('close', () => {
          if (!proxyRes.complete) res.destroy();
        });
      },
      error(_error, req, res) {
        if (res instanceof Socket) res.destroy();
        else if (res.headersSent) res.destroy();
        else req.next?.(new ApiError(502, 'BAD_GATEWAY', 'The conversations service does not answer. Try again.'));
      },
    },
  });

  return [...guardConversations(platform), proxy];
}
