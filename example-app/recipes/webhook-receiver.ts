import { Router, raw } from 'express';
import { Webhook } from 'standardwebhooks';

/** Body of a webhook. */
export interface KeyWebhook {
  readonly type: string;
  readonly timestamp: string;
  readonly data: { readonly workspaceId: string; readonly target: string; readonly name: string | null };
}

/** The other side of the option `webhooks`: a program of a partner that learns of changes of its keys. */
export function createWebhookReceiver(secret: string, handle: (event: KeyWebhook) => void): Router {
  const webhook = new Webhook(secret);
  // In an app of its own, a table.
  const seen = new Set<string>();
  const routes = Router();
  // The signature is over the bytes, so the body is not parsed before.
  routes.post('/', raw({ type: 'application/json' }), (req, res) => {
    let event: KeyWebhook;
    try {
      event = webhook.verify(req.body as Buffer, req.headers as Record<string, string>) as KeyWebhook;
    } catch {
      res.status(401).end();
      return;
    }
    const id = req.get('webhook-id')!;
    if (!seen.has(id)) handle(event);
    seen.add(id);
    res.status(204).end();
  });
  return routes;
}
