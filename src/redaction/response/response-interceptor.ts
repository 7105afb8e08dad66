import type { NextFunction, Request, Response } from 'express';
import { KeyscopeError } from '../../errors';
import { NOTHING_ENABLED } from '../../features';
import type { ResolvedRedactOptions } from '../options';
import { featuresOf, type PolicySource, restricts, type Withheld, withheldBy } from '../policy';
import { type Decision, decide, type Facts } from './body-policy';
import type { FilterTerms } from './formats/body-filter';
import { Downstream, Sources } from './original-response';
import { returnAcceptEncoding, type Withdrawn, withdrawFromHandler } from './request-headers';
import {
  forgetAnswer,
  forgetBody,
  forgetValidators,
  handsOver,
  headerText,
  keepPrivate,
  nameWithheld,
} from './response-headers';

/** What the application that uses the interceptor decides. */
export interface InterceptorDeps {
  /** Answers a request with an error, or cuts the connection where the response has begun. */
  fail(error: KeyscopeError, req: Request, res: Response, next: NextFunction): void;
  /** The request header that carries the token, in lower case: responses vary on it. */
  readonly keyHeader: string;
  /**
   * Whether `fail` answers with an error's own text, and asks nobody else to: then it need not be judged. Whatever an
   * application answers is judged like any response.
   */
  readonly failsByItself: boolean;
  /** Called once for a response from which something is withheld, before its headers leave. */
  onRedacted?(req: Request, withheld: readonly Withheld[]): void;
}

/**
 * Where a response stands. `open`: nothing is decided. `plain`: a body that leaves as it is. `judged`: a decision about a
 * body that has not begun. `filtered`: its bytes go through a filter. `trusted`: Express sends what we have cut down.
 * `closed`: it has been ended. `refused`: it may not leave, and something else has been answered, or the connection cut.
 */
export type Phase = 'open' | 'judged' | 'plain' | 'filtered' | 'trusted' | 'closed' | 'refused';

const BOTH: readonly Withheld[] = ['transcript', 'metrics'];
/** With one of these, a body's length is said already, or must not be (RFC 9112, 6.2; trailers need chunks). */
const LENGTHS = ['content-length', 'transfer-encoding', 'trailer'];
const NOBODY: PolicySource = { features: NOTHING_ENABLED };

/** What a body that has been cut down as an object, or as a whole text, may still turn out to be. */
function isTrusted(decision: Decision): boolean {
  if (decision.action === 'filter') return decision.coding === null;
  return decision.action === 'pass' || decision.action === 'none';
}

/** One response on its way out: what has been decided of it, and what its head says. */
export class Interception {
  readonly req: Request;
  readonly res: Response;
  readonly downstream: Downstream;
  readonly withdrawn: Withdrawn;
  phase: Phase = 'open';
  decision: Decision = { action: 'none' };
  /** Whose data the body is. Nobody's, as long as that is being found out. */
  subject: PolicySource = NOBODY;
  /** The length of the whole body that is about to leave, where it is in hand. */
  length: number | undefined;
  /** What has been withheld from a whole body that mixes projects; undefined: not known before it has left. */
  withheld: readonly Withheld[] | undefined;
  /** The bytes of a body that has been cut down, as long as Express is sending them. */
  trusted: Uint8Array | undefined;
  /** Stops whatever works on the body. */
  release: () => void = () => {};
  /** Whether something has been answered in place of what was refused. */
  answered = false;
  readonly #next: NextFunction;
  readonly #deps: InterceptorDeps;
  readonly #options: ResolvedRedactOptions;
  readonly #sources: Sources;
  /** Whether a head is being written at our own wish, or at somebody else's. */
  #ownHead = false;
  #foreignHead = false;
  #look: () => PolicySource = () => NOBODY;
  #judged = '';
  #refusals = 0;
  #error: KeyscopeError | undefined;

  constructor(req: Request, res: Response, next: NextFunction, options: ResolvedRedactOptions, deps: InterceptorDeps) {
    this.req = req;
    this.res = res;
    this.#next = next;
    this.#deps = deps;
    this.#options = options;
    this.downstream = new Downstream(res);
    this.withdrawn = withdrawFromHandler(req);
    this.#sources = new Sources(res);
  }

  /** From now on it is known whose data the body is. */
  follow(look: () => PolicySource): void {
    this.#look = look;
  }

  /** Looks whose data the body is and what is enabled for it now; the last time is when the body is decided about. */
  lookAgain(): void {
    if (this.phase === 'open' && this.trusted === undefined) this.subject = this.#look();
  }

  get filterTerms(): FilterTerms {
    const { fields, limits } = this.#options;
    return { fields, subject: this.subject, limits, again: this.#look };
  }

  get error(): KeyscopeError | undefined {
    return this.#error;
  }

  get refused(): boolean {
    return this.phase === 'refused';
  }

  facts(): Facts {
    const { req, res } = this;
    return {
      method: req.method,
      status: res.statusCode,
      contentType: headerText(res, 'content-type'),
      contentEncoding: headerText(res, 'content-encoding'),
      handsOver: handsOver(res),
      conditional: this.withdrawn.conditional && this.phase !== 'trusted',
    };
  }

  /** What would be decided of a response like this. */
  decide(facts: Facts): Decision {
    return decide(facts, { passthrough: this.#options.passthrough, restricts: restricts(this.subject) });
  }

  /** Decides, once. What was decided on must be the same when the headers leave. Returns false where it was refused. */
  judge(): boolean {
    this.lookAgain();
    const facts = this.facts();
    const judged = `${facts.status} ${facts.contentType} ${facts.contentEncoding} ${facts.handsOver}`;
    if (this.phase !== 'open' && this.phase !== 'trusted') {
      if (judged === this.#judged) return true;
      this.doubt('The status, type or coding of the response changed after its body had begun.');
      return false;
    }
    this.#judged = judged;
    this.decision = this.decide(facts);
    if (this.decision.action === 'refuse') {
      this.doubt(this.decision.refusal);
      return false;
    }
    if (this.phase === 'trusted' && !isTrusted(this.decision)) {
      this.doubt('The type or coding of a JSON response was changed while it was sent.');
      return false;
    }
    if (this.phase === 'open') this.phase = this.decision.action === 'pass' ? 'plain' : 'judged';
    return true;
  }

  /** Writes the head, through whoever hooked `writeHead` above us, which ends in {@link head}. False: refused. */
  commit(): boolean {
    const { res } = this;
    if (res.headersSent || this.refused) return !this.refused;
    this.#ownHead = true;
    try {
      res.writeHead(res.statusCode);
      if (!res.headersSent) this.head();
    } catch (thrown) {
      this.#startOver();
      throw thrown;
    } finally {
      this.#ownHead = false;
    }
    return !this.refused;
  }

  /** The body is not sent whole, and so there is time for bytes to come on another way than through us. */
  watch(): void {
    this.downstream.guard(() => this.doubt('Bytes reached the response past the redaction.'));
  }

  /** The head has been said, by the handler or by ourselves: judges it, corrects it and hands it down. */
  head(): void {
    this.#foreignHead = !this.#ownHead;
    if (this.#foreignHead) this.watch();
    try {
      if (!this.judge()) return;
      // Whoever says the head of a text before the text leaves no way to look at it first.
      if (this.phase === 'judged' && this.decision.action === 'words') this.doubt(this.decision.refusal);
      else this.#completeHead();
    } catch (thrown) {
      this.#startOver();
      throw thrown;
    } finally {
      this.#foreignHead = false;
    }
  }

  /** A head could not be written, and nothing has left. What comes next is another answer, and judged as such. */
  #startOver(): void {
    if (this.res.headersSent || this.refused) return;
    this.release();
    this.phase = 'open';
    this.length = undefined;
    this.withheld = undefined;
  }

  #completeHead(): void {
    const { req, res } = this;
    if (!(this.decision.action === 'pass' && this.decision.vouched)) this.#correctHead();
    if (this.length !== undefined && !LENGTHS.some((name) => res.hasHeader(name))) {
      res.setHeader('Content-Length', this.length);
    }
    keepPrivate(res, this.#deps.keyHeader);
    returnAcceptEncoding(req, this.withdrawn);
    if (this.decision.action === 'pass') this.downstream.open();
    this.downstream.call('writeHead', [res.statusCode]);
  }

  #correctHead(): void {
    const { res, phase } = this;
    const whole = phase === 'plain' || (this.decision.action !== 'filter' && !restricts(this.subject));
    if (phase !== 'trusted') {
      if (whole) forgetValidators(res);
      else forgetBody(res);
    }
    if (!whole && res.hasHeader('content-encoding')) res.removeHeader('Content-Encoding');
    const withheld = this.#namesWithheld();
    nameWithheld(res, withheld);
    if (withheld.length > 0) this.#deps.onRedacted?.(this.req, withheld);
  }

  /** Of a project, what it has not enabled. Of several in a stream nobody knows yet, so all that could be withheld. */
  #namesWithheld(): readonly Withheld[] {
    const features = featuresOf(this.subject);
    if (features !== undefined) return withheldBy(features);
    if (this.withheld !== undefined) return this.withheld;
    return this.phase === 'filtered' || this.req.method === 'HEAD' ? BOTH : [];
  }

  /** Refuses with a sentence. */
  doubt(message: string): void {
    this.refuse(new KeyscopeError('unredactable_response', message));
  }

  /** Answers with an error in place of what the handler says, or cuts the connection where the answer has begun. */
  refuse(error: KeyscopeError): void {
    if (this.refused) return;
    this.#error = error;
    this.phase = 'refused';
    this.release();
    this.#sources.leave();
    // A head that we did not ask for may be Node's, for bytes on a way past us: it must not find another answer there.
    if (this.#foreignHead) process.nextTick(() => this.#replace(error));
    else this.#replace(error);
  }

  #replace(error: KeyscopeError): void {
    const { req, res } = this;
    if (res.destroyed) return;
    if (res.headersSent || this.downstream.isOver) {
      this.#deps.fail(error, req, res, this.#next);
      if (!res.destroyed) res.destroy(error);
      return;
    }
    forgetAnswer(res);
    this.length = undefined;
    this.withheld = undefined;
    this.trusted = undefined;
    this.#refusals++;
    if (this.#refusals === 1) {
      this.#answer(error);
      return;
    }
    res.statusCode = error.status;
    this.downstream.expose(() => void res.end());
    this.answered = true;
  }

  /**
   * Answers with the error: by ourselves, on a response that is free of us for as long as it takes; or lets the
   * application, now or later. What the handler still writes cannot be told from that, so all of it is judged.
   */
  #answer(error: KeyscopeError): void {
    const { req, res } = this;
    const fail = (): void => this.#deps.fail(error, req, res, this.#next);
    if (this.#deps.failsByItself) {
      this.answered = this.downstream.expose(fail);
      return;
    }
    this.phase = 'open';
    try {
      fail();
    } catch (thrown) {
      this.#next(thrown);
    }
  }
}
