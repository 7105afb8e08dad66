import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { z } from 'zod';
import { ApiError } from '../api-error';
import { plainErrors } from '../envelope';
import { LOCATIONS, readEventId } from '../events/event-id';
import { inQuery, type Platform, requireProject, single } from './project';

/** Events are small. */
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

/** A body of another type would reach the handler unread, as an empty one. */
function rejectOtherTypes(req: Request, _res: Response, next: NextFunction): void {
  const empty = req.get('content-length') === '0';
  if (empty || req.is([...JSON_TYPES, FORM_TYPE, ...TEXT_TYPES]) !== false) next();
  else throw new ApiError(415, 'UNSUPPORTED_MEDIA_TYPE', 'Send JSON, a form, XML or plain text.');
}

/** Keys are authorized by the query, so a query that names no account or project is a 400, whatever the key may do. */
function requireNames(req: Request, _res: Response, next: NextFunction): void {
  const missing = ['account_id', 'project_id'].filter((name) => single(req.query[name]) === undefined);
  if (missing.length === 0 || req.get('x-api-key') === undefined) next();
  else throw new ApiError(400, 'INVALID_REQUEST', `Give ${missing.join(' and ')} once.`);
}

/**
 * `POST /v1/external-events/webhook?event_id_location=…&event_id_path=…&account_id=…&project_id=…`. Bodies are read only
 * after the key has been authorized. The example checks events and drops them: it has no live conversations.
 */
export function externalEvents(platform: Platform): RequestHandler[] {
  function receiveEvent(req: Request, res: Response): void {
    const { event_id_location: location, event_id_path: path } = res.locals.place as z.infer<typeof schema>;
    res.locals.eventId = readEventId(req, location, path);
    res.status(201).end();
  }

  return [
    plainErrors,
    requireNames,
    ...requireProject(platform, 'external_events', inQuery),
    readPlace,
    rejectOtherTypes,
    express.json({ limit: LIMIT, type: JSON_TYPES }),
    express.urlencoded({ limit: LIMIT, type: FORM_TYPE, extended: false }),
    express.text({ limit: LIMIT, type: TEXT_TYPES }),
    receiveEvent,
  ];
}
