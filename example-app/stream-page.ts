import type { Request, Response } from 'express';
import type { Conversation } from './data/model';
import type { Continuation } from './query/find';

/** Resolves when the reader has caught up, or has gone. */
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
  let step = page.next();
  while (!step.done) {
    const drained = res.write(separator + JSON.stringify(step.value));
    separator = ',';
    if (!drained && !res.closed) await caughtUp(res);
    if (res.closed) return;
    step = page.next();
  }
  res.end(`],${JSON.stringify(step.value).slice(1)}`);
}
