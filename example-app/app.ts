import express, { type Express } from 'express';
import { correlate, createErrorHandler, notFound } from './envelope';
import { agentsList } from './routes/agents';
import { conversationAudio } from './routes/conversation-audio';
import { conversationDetail } from './routes/conversation-detail';
import { conversationsList } from './routes/conversations-list';
import { externalEvents } from './routes/external-events';
import { handoffState } from './routes/handoff-state';
import type { Platform } from './routes/project';
import { projectConfiguration } from './routes/project-configuration';
import { proxiedConversations } from './routes/proxied-conversations';
import { retiredConversations } from './routes/retired-conversations';
import type { UpstreamAddress } from './upstream';

export interface AppOptions extends Platform {
  /** Where `/proxied` goes; without it there is no `/proxied`. */
  readonly upstream?: UpstreamAddress;
  /** Opens the example's own way to configure projects; without it there is none. */
  readonly operatorPassword?: string;
  /** Hears of errors that nobody foresaw. Default: process warnings. */
  readonly report?: (error: unknown) => void;
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}

/** A voice-agent platform's external API, protected by keyscope. Listens nowhere by itself. */
export function createApp(options: AppOptions): Express {
  const { upstream, operatorPassword, report = warn } = options;
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
    app.put('/example/projects/:project_id/configuration', ...projectConfiguration(options, operatorPassword));
  }

  app.use(notFound);
  app.use(createErrorHandler(report));
  return app;
}
