import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Request, Response } from 'express';

/** Values that a replaced `res.json` may print differently. */
const SAMPLE = {
  keyscope: [true, -0, 1e21, Number.NaN, '<sample>\u2028é😀', null, undefined, {}],
  absent: undefined,
  date: new Date(0),
  map: new Map([[1, 2]]),
  bytes: Buffer.from('a'),
  own: { toJSON: () => 'text' },
};
/** Characters that Express escapes if `json escape` is set, because browsers could read them as HTML. */
const HTML = /[<>&]/g;
const ESCAPES: Readonly<Record<string, string>> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026' };

/** The text that `res.json` of an application without a `json replacer` makes of a value. */
export function jsonText(value: unknown, app: Request['app']): string | undefined {
  const spaces: unknown = app.get('json spaces');
  const text: string | undefined = spaces ? JSON.stringify(value, null, spaces as string) : JSON.stringify(value);
  return text !== undefined && app.get('json escape') ? text.replace(HTML, (character) => ESCAPES[character]!) : text;
}

/** Runs `res.json` on a response without a connection. Returns the type, and the bytes that reached `end`. */
function sent(req: Request, res: Response, value: unknown): string {
  const request = new IncomingMessage(new Socket());
  request.method = 'GET';
  request.url = '/';
  Object.setPrototypeOf(request, Object.getPrototypeOf(req));
  const response = new ServerResponse(request);
  Object.setPrototypeOf(response, Object.getPrototypeOf(res));
  let body = '';
  Object.assign(request, { res: response });
  Object.assign(response, {
    locals: {},
    end(chunk: string | Uint8Array) {
      body += Buffer.from(chunk as string);
      return response;
    },
  });
  (response as unknown as Response).json(value);
  return `${response.getHeader('content-type')}\n${body}`;
}

/** Whether a method is Express' own: on the one prototype between the application's and Node's. */
function isOwnOfExpress(res: Response, name: 'json' | 'send'): boolean {
  let owner: object = Object.getPrototypeOf(res);
  while (!Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner);
  return Object.getPrototypeOf(owner) === ServerResponse.prototype;
}

function probe(req: Request, res: Response): boolean {
  if (!isOwnOfExpress(res, 'json') || !isOwnOfExpress(res, 'send')) return false;
  if (req.app.get('json replacer')) return false;
  try {
    return sent(req, res, SAMPLE) === `application/json; charset=utf-8\n${jsonText(SAMPLE, req.app)}`;
  } catch {
    // An unknown `res.json`, which only costs time.
    return false;
  }
}

/** Whether `res.json` of a response is Express' own, and does what {@link jsonText} says. */
export type ExpressCheck = (req: Request, res: Response) => boolean;

interface Answer {
  readonly json: unknown;
  readonly send: unknown;
  readonly known: boolean;
}

/**
 * Creates a check for `json` and `send` that an application has replaced, for example to wrap every body in an envelope. Those must
 * be called with the handler's value. Each prototype is probed once, and again after its methods have been replaced.
 */
export function createExpressCheck(): ExpressCheck {
  const answers = new WeakMap<object, Answer>();
  return function isExpress(req, res) {
    const prototype = Object.getPrototypeOf(res) as Response;
    const { json, send } = prototype;
    let answer = answers.get(prototype);
    if (answer?.json !== json || answer.send !== send) {
      answer = { json, send, known: probe(req, res) };
      answers.set(prototype, answer);
    }
    return answer.known;
  };
}
