import type { ClientRequest, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Request, RequestHandler, Response } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { ApiError } from '../api-error';
import { UPSTREAM_SECRET_HEADER, type UpstreamAddress } from '../upstream';
import { guardConversations } from './conversations-list';
import { type Platform, projectOf } from './project';

/** Milliseconds without data from the upstream. */
const UPSTREAM_TIMEOUT = 10_000;

function queryOf(req: Request): string {
  const start = req.originalUrl.indexOf('?');
  return start === -1 ? '' : req.originalUrl.slice(start);
}

/**
 * `GET /proxied/v3/:account_id/:project_id/conversations`: the same list from a server without keyscope, whose responses
 * are redacted while they pass through.
 */
export function proxiedConversations(platform: Platform, upstream: UpstreamAddress): RequestHandler[] {
  const proxy = createProxyMiddleware<Request, Response>({
    target: upstream.url,
    proxyTimeout: UPSTREAM_TIMEOUT,
    // The ids that were authorized, so that the upstream cannot resolve a name to another project.
    pathRewrite: (_path, req) => {
      const project = projectOf(req.res as Response);
      return `/v3/${project.workspaceId}/${project.id}/conversations${queryOf(req)}`;
    },
    on: {
      proxyReq(proxyReq: ClientRequest) {
        // The upstream must not receive the caller's token.
        proxyReq.removeHeader('x-api-key');
        proxyReq.setHeader(UPSTREAM_SECRET_HEADER, upstream.secret);
      },
      proxyRes(proxyRes: IncomingMessage, _req, res) {
        // Hop-by-hop (RFC 9110 section 7.6.1). Its "close" would end the caller's connection, and some clients do not
        // notice a truncated body on a connection that closes anyway.
        delete proxyRes.headers.connection;
        // An aborted upstream response aborts this one: ended it would look whole, open it would hang.
        proxyRes.on('close', () => {
          if (!proxyRes.complete) res.destroy();
        });
      },
      error(_error, req, res) {
        if (res instanceof Socket) res.destroy();
        else if (res.headersSent) res.destroy();
        else req.next?.(new ApiError(502, 'BAD_GATEWAY', 'The conversations service does not respond. Try again.'));
      },
    },
  });

  return [...guardConversations(platform), proxy];
}
