import type { NextFunction, Request, Response } from 'express';

/**
 * Middleware that leaves Express' inference alone. A plain `RequestHandler` would turn the parameters of every handler of
 * the route into `Record<string, string>`: `app.get('/:id', middleware, (req) => req.params.typo)` would compile.
 */
export type Middleware = <P, ResBody, ReqBody, ReqQuery, Locals extends Record<string, unknown>>(
  req: Request<P, ResBody, ReqBody, ReqQuery, Locals>,
  res: Response<ResBody, Locals>,
  next: NextFunction,
) => void;
