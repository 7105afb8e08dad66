import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { z } from 'zod';
import { ApiError } from '../api-error';
import { plainErrors } from '../envelope';
import { LOCATIONS, readEventId } from '../events/event-id';
import { inQuery, type Platform, requireProject } from './project';

/** An event is a form's worth of answers, not a document. */
const LIMIT = '64kb';
const JSON_TYPES = ['application/json', 'application/*+json'];
const FORM_TYPE = 'application/x-www-form-urlencoded';
const TEXT_TYPES = ['text/plain', 'text/xml', 'application/xml', 'application/*+xml'];

const schema = z.object({
  event_id_location: z.enum(LOCATIONS, `must be one of ${LOCATIONS.join(', ')}`),
  event_id_path: z.string('must be given once').min(1, 'must not be empty').max(256, 'must be at most 256 characters'),
});

function readPlace(req: Request, res: Response, next: NextFunction): void {
  const place = schema.safeParse(req.query);
  if (!place.success) {
    const problems = place.error.issues.map((issue) => `${String(issue.path[0])} ${issue.message}`);
    throw new ApiError(400, 'INVALID_REQUEST', `Invalid query: ${problems.join('; ')}.`);
  }
  res.locals.place = place.data;
  next();
}

/** A body of another type would reach the handler unread, as if there were none. */
function refuseOtherTypes(req: Request, _res: Response, next: NextFunction): void {
  const empty = req.get('content-length') === '0';
  if (empty || req.is([...JSON_TYPES, FORM_TYPE, ...TEXT_TYPES]) !== false) next();
  else throw new ApiError(415, 'UNSUPPORTED_MEDIA_TYPE', 'Send JSON, a form, XML or plain text.');
}

/**
 * `POST /v1/external-events/webhook?event_id_location=…&event_id_path=…&account_id=…&project_id=…`. Bodies are read only
 * once the key has been found good. The example takes events in and leaves it at that: it has no live conversations.
 */
export function externalEvents(platform: Platform): RequestHandler[] {
  function receiveEvent(req: Request, res: Response): void {
    const { event_id_location: location, event_id_path: path } = res.locals.place as z.infer<typeof schema>;
    res.status(201).json({ received: true, event_id: readEventId(req, location, path) });
  }

  return [
    plainErrors,
    ...requireProject(platform, 'external_events', inQuery),
    readPlace,
    refuseOtherTypes,
    express.json({ limit: LIMIT, type: JSON_TYPES }),
    express.urlencoded({ limit: LIMIT, type: FORM_TYPE, extended: false }),
    express.text({ limit: LIMIT, type: TEXT_TYPES }),
    receiveEvent,
  ];
}
