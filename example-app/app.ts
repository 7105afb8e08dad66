import express, { type Express } from 'express';
import { correlate, createErrorHandler, notFound } from './envelope';
import { createOperators } from './operators';
import { admin } from './routes/admin';
import { agentsList } from './routes/agents';
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
import type { UpstreamAddress } from './upstream';

export interface AppOptions extends Platform {
  /** Where `/proxied` goes; without it there is no `/proxied`. */
  readonly upstream?: UpstreamAddress;
  /** Opens the console and its sign-in to whoever knows this; without it there is neither. */
  readonly operatorPassword?: string;
  /** A URL of this API, as far as it is known where it is served. */
  readonly exampleUrl?: () => string;
  /** Hears of errors that nobody foresaw. Default: process warnings. */
  readonly report?: (error: unknown) => void;
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}

/** A voice-agent platform's external API, protected by keyscope. Listens nowhere by itself. */
export function createApp(options: AppOptions): Express {
  const { upstream, operatorPassword, exampleUrl, data, report = warn } = options;
  const app = express();
  app.disable('x-powered-by');
  app.use(correlate);

  app.get('/v3/:account_id/:project_id/conversations', ...conversationsList(options));
  app.get('/v1/agents', ...agentsList(options));
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
    app.post(SIGN_OUT, signOut(operators));
    app.use(ADMIN, admin(options, operators, exampleUrl));
  }

  app.use(notFound);
  app.use(createErrorHandler(report));
  return app;
}
