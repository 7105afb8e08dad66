import type { ServerResponse } from 'node:http';
import { format, parse } from 'content-type';
import { KeyscopeError } from '../../errors';
import { redactValue } from '../object-redactor';
import { type PolicySource, type RedactionPolicy, restricts, type Withheld } from '../policy';
import { OBJECT } from './body-decision';
import { createFilter } from './body-writer';
import { jsonText } from './express-json';
import { concat, copyIfShared } from './formats/body-filter';
import type { Methods, Receiver } from './hooks';
import { withIfNoneMatch } from './request-headers';
import { headerText, removeMeasures } from './response-headers';
import { ResponseInterceptor } from './response-interceptor';

/** A type with the charset in which `res.send` writes strings. */
function withUtf8(contentType: string): string {
  if (contentType === 'application/json') return 'application/json; charset=utf-8';
  try {
    const type = parse(contentType);
    type.parameters.charset = 'utf-8';
    return format(type);
  } catch {
    return contentType;
  }
}

/** How a body was redacted. */
interface Redacted {
  readonly withheld: readonly Withheld[];
  readonly policy: RedactionPolicy | undefined;
}

/**
 * `res.json` and `res.send`. Bodies are redacted before Express computes a length and an `ETag`, so both are of the redacted body,
 * and HEAD and 304 are right.
 *
 * Express sends the redacted bytes. If it, or other middleware, calls `end` with other bytes, those are filtered. If the application
 * has its own `json` or `send`, those are called, and their output is filtered.
 */
export class ExpressInterceptor extends ResponseInterceptor implements Receiver {
  json(args: readonly unknown[], res: ServerResponse): unknown {
    if (this.isRejected) return res;
    const source = this.#sourceFor(args, res);
    const { req, route } = this.context;
    // Express' json calls `send`: a middleware that has replaced it since gets what the handler sends.
    const isReplaced = (res as unknown as Methods).send !== route.hooks.methods.send;
    const isObject = source && !isReplaced && !req.app.get('json replacer') && this.head.preview('object') === OBJECT;
    if (!isObject) return this.#express('json', args, res);
    const redacted = this.#redactObject(args[0], source);
    if (redacted === undefined) return this.isRejected ? res : this.#express('json', args, res);
    res.setHeader('Content-Type', withUtf8(headerText(res, 'content-type') ?? 'application/json'));
    return this.#sendBytes(Buffer.from(redacted.text), redacted, source, res);
  }

  send(args: readonly unknown[], res: ServerResponse): unknown {
    if (this.isRejected) return res;
    const [body] = args;
    const contentType = headerText(res, 'content-type');
    const isText = (typeof body === 'string' || Buffer.isBuffer(body)) && body.length > 0;
    const source = isText && contentType !== undefined ? this.#sourceFor(args, res) : undefined;
    const decision = source && this.head.preview('whole');
    if (decision?.kind !== 'stream' || decision.coding !== null) return this.#express('send', args, res);
    const filter = createFilter(decision, this.context);
    let bytes: Uint8Array = typeof body === 'string' ? Buffer.from(body) : (body as Buffer);
    try {
      const sent = concat(filter.push(bytes), filter.end());
      bytes = bytes === body ? copyIfShared(sent, bytes) : sent;
    } catch (error) {
      if (!(error instanceof KeyscopeError)) throw error;
      this.fail(error);
      return res;
    }
    if (typeof body === 'string') res.setHeader('Content-Type', withUtf8(contentType!));
    return this.#sendBytes(bytes, filter.value, source!, res);
  }

  /** The policy, if something may have to be removed from the value before Express sends it. */
  #sourceFor(args: readonly unknown[], res: ServerResponse): PolicySource | undefined {
    const { context } = this;
    if (args.length !== 1 || !this.isUndecided || context.isHeadSent) return undefined;
    if ((res as unknown as Methods).end !== context.route.hooks.methods.end) return undefined;
    const source = context.getPolicy();
    return restricts(source) && context.isExpress ? source : undefined;
  }

  /** Read each time: a mounted application has its own methods on the prototype. */
  #express(name: 'json' | 'send', args: readonly unknown[], res: ServerResponse): unknown {
    const method = (Object.getPrototypeOf(this.context.res) as Methods)[name];
    return Reflect.apply(method, res, args);
  }

  /**
   * The redacted value as text. Undefined if Express must make the text, which is redacted when it reaches `send`: values that only
   * `JSON.stringify` can print, and values it cannot print, for which Express throws. Undefined if the body was rejected.
   */
  #redactObject(value: unknown, source: PolicySource): (Redacted & { text: string }) | undefined {
    const { req, route } = this.context;
    try {
      const redacted = redactValue(value, route.options.fields, source);
      const text = redacted.needsText ? undefined : jsonText(redacted.value, req.app);
      return redacted.needsText || text === undefined
        ? undefined
        : { text, withheld: redacted.withheld, policy: redacted.policy };
    } catch (error) {
      if (error instanceof KeyscopeError) this.fail(error);
      return undefined;
    }
  }

  #sendBytes(
    bytes: Uint8Array,
    { withheld, policy }: Redacted,
    source: PolicySource,
    res: ServerResponse,
  ): ServerResponse {
    const { req, hidden } = this.context;
    removeMeasures(res);
    this.head.withheld = withheld;
    this.expected = { bytes, source, policy };
    try {
      withIfNoneMatch(req, hidden, () => void this.#express('send', [bytes], res));
    } finally {
      this.expected = undefined;
    }
    return res;
  }
}
