import express, { type Express, type RequestHandler } from 'express';
import { correlate, createErrorHandler, notFound } from './envelope';
import { OPENAPI } from './openapi/document';
import { createOperators } from './operators';
import { admin } from './routes/admin';
import { agentsList, ownAgentsList } from './routes/agents';
import { conversationAudio } from './routes/conversation-audio';
import { conversationDetail } from './routes/conversation-detail';
import { conversationsList } from './routes/conversations-list';
import { externalEvents } from './routes/external-events';
import { handoffState } from './routes/handoff-state';
import { ADMIN, SIGN_IN, SIGN_OUT } from './routes/places';
import type { Platform } from './routes/project';
import { proxiedConversations } from './routes/proxied-conversations';
import { retiredConversations } from './routes/retired-conversations';
import { signIn, signOut } from './routes/sign-in';
import { workspaceConversations } from './routes/workspace-conversations';
import type { UpstreamAddress } from './upstream';

export interface AppOptions extends Platform {
  /** The service behind `/proxied`; without it there is no `/proxied`. */
  readonly upstream?: UpstreamAddress;
  /** The operators' password for the console; without it there is neither console nor sign-in. */
  readonly operatorPassword?: string;
  /** A URL of this API, for the curl line in the console. */
  readonly exampleUrl?: () => string;
  /** Logs each request. Default: none. */
  readonly requestLog?: RequestHandler;
  /** Receives unexpected errors. Default: process warnings. */
  readonly report?: (error: unknown) => void;
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}

/** A voice-agent platform's external API, protected by keyscope. */
export function createApp(options: AppOptions): Express {
  const { upstream, operatorPassword, exampleUrl, data, report = warn } = options;
  const app = express();
  app.disable('x-powered-by');
  if (options.requestLog) app.use(options.requestLog);
  app.use(correlate);

  app.get('/openapi.json', (_req, res) => res.json(OPENAPI));
  app.get('/v3/conversations', ...workspaceConversations(options));
  app.get('/v3/:account_id/:project_id/conversations', ...conversationsList(options));
  app.get('/v1/accounts/:accountId/agents', ...agentsList(options));
  app.get('/v1/agents', ...ownAgentsList(options));
  app.get('/v1/agents/:agentId/conversations/:conversationId', ...conversationDetail(options));
  app.get('/v1/agents/:agentId/conversations/:conversationId/audio', ...conversationAudio(options));
  app.get('/v1/:account_id/:project_id/handoff_state', ...handoffState(options));
  app.post('/v1/external-events/webhook', ...externalEvents(options));
  app.get('/v1/:account_id/:project_id/conversations', retiredConversations);

  if (upstream) {
    app.get('/proxied/v3/:account_id/:project_id/conversations', ...proxiedConversations(options, upstream));
  }
  if (operatorPassword) {
    const operators = createOperators(operatorPassword, data);
    const { get, post } = signIn(data, operators);
    app.get(SIGN_IN, get);
    app.post(SIGN_IN, ...post);
    app.get(SIGN_OUT, signOut(operators));
    app.post(SIGN_OUT, signOut(operators));
    app.use(ADMIN, admin(options, operators, exampleUrl));
  }

  app.use(notFound);
  app.use(createErrorHandler(report));
  return app;
}
