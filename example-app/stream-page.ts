import type { Request, Response } from 'express';
import type { Conversation } from './data/model';
import type { Continuation } from './query/find';

/** Longer pages are sent conversation by conversation. */
const LONGEST_WHOLE_PAGE = 100;

/** Resolves when the socket has been drained, or is closed. */
function caughtUp(res: Response): Promise<void> {
  return new Promise((resolve) => {
    function settle(): void {
      res.off('drain', settle);
      res.off('close', settle);
      resolve();
    }
    res.on('drain', settle);
    res.on('close', settle);
  });
}

/** Sends a page in the shape of `res.json({ conversations, ...continuation })`, but each conversation as it is made. */
export async function streamPage(
  req: Request,
  res: Response,
  page: Generator<Conversation, Continuation>,
): Promise<void> {
  res.type('json');
  if (req.method === 'HEAD') {
    res.end();
    return;
  }
  res.write('{"conversations":[');
  let separator = '';
  // Bytes, not strings: Node 26.10 counts strings that are not ASCII differently in the response and its socket, and then may
  // never emit `drain`.
  let step = page.next();
  while (!step.done) {
    const drained = res.write(Buffer.from(separator + JSON.stringify(step.value)));
    separator = ',';
    if (!drained && !res.closed) await caughtUp(res);
    if (res.closed) return;
    step = page.next();
  }
  res.end(`],${JSON.stringify(step.value).slice(1)}`);
}

function collect(page: Generator<Conversation, Continuation>): Record<string, unknown> {
  const conversations: Conversation[] = [];
  let step = page.next();
  while (!step.done) {
    conversations.push(step.value);
    step = page.next();
  }
  return { conversations, ...step.value };
}

/** Sends a page of at most `limit` conversations: a short one as an object, a long one as a stream. */
export async function sendPage(
  req: Request,
  res: Response,
  page: Generator<Conversation, Continuation>,
  limit: number,
): Promise<void> {
  if (limit <= LONGEST_WHOLE_PAGE) res.json(collect(page));
  else await streamPage(req, res, page);
}
