import { format, parse } from 'content-type';
import type { Response } from 'express';
import { KeyscopeError } from '../../errors';
import { redactValue } from '../object-redactor';
import type { BodyFormat } from '../options';
import { restricts, type Withheld } from '../policy';
import { jsonText } from './express-json';
import { createBodyFilter } from './formats';
import { concat, copyIfShared } from './formats/body-filter';
import type { Methods } from './original-response';
import { withIfNoneMatch } from './request-headers';
import type { ResponseContext } from './response-head';
import { headerText, removeMeasures } from './response-headers';
import type { ResponseInterceptor } from './response-interceptor';

/** A type with the charset in which `res.send` writes strings. */
function withUtf8(contentType: string): string {
  try {
    const type = parse(contentType);
    type.parameters.charset = 'utf-8';
    return format(type);
  } catch {
    return contentType;
  }
}

interface RedactedText {
  readonly text: string;
  readonly withheld: readonly Withheld[];
}

/**
 * `res.json` and `res.send`. Bodies are redacted before Express computes a length and an `ETag`, so both are of the redacted body,
 * and HEAD and 304 are right.
 *
 * Express sends the redacted bytes. If it, or other middleware, calls `end` with other bytes, those are filtered. If the application
 * has its own `json` or `send`, those are called, and their output is filtered.
 */
export class JsonSender {
  readonly #context: ResponseContext;
  readonly #interceptor: ResponseInterceptor;
  readonly #res: Response;
  readonly #methods: Methods;

  /** `res` is the response, or a view of it, and `methods` are ours on it. */
  constructor(context: ResponseContext, interceptor: ResponseInterceptor, res: Response, methods: Methods) {
    this.#context = context;
    this.#interceptor = interceptor;
    this.#res = res;
    this.#methods = methods;
  }

  json(args: readonly unknown[]): unknown {
    const { req } = this.#context;
    const res = this.#res;
    const { rejection } = this.#interceptor;
    if (rejection) return rejection.replacement?.json(args) ?? res;
    if (!this.#mayRedact(args) || req.app.get('json replacer')) return this.#express('json', args);
    const contentType = headerText(res, 'content-type');
    if (this.#interceptor.head.decideAs('object', contentType).kind !== 'object') return this.#express('json', args);
    let redacted: RedactedText | undefined;
    try {
      redacted = this.#redact(args[0]);
    } catch (error) {
      if (!(error instanceof KeyscopeError)) throw error;
      this.#interceptor.fail(error);
      return res;
    }
    if (redacted === undefined) return this.#express('json', args);
    if (contentType === undefined) res.set('Content-Type', 'application/json');
    // As Express' json does, for middleware that has replaced `send` since.
    if (res.send !== this.#methods.send) return res.send(redacted.text);
    if (contentType !== undefined) res.setHeader('Content-Type', withUtf8(contentType));
    this.#sendBytes(Buffer.from(redacted.text), redacted.withheld);
    return res;
  }

  /**
   * The redacted value as text. Undefined if Express must make the text, which is redacted when it reaches `send`: values that only
   * `JSON.stringify` can print, and values it cannot print, for which Express throws.
   */
  #redact(value: unknown): RedactedText | undefined {
    const { options, req } = this.#context;
    try {
      const redacted = redactValue(value, options.fields, this.#context.getPolicy());
      const text = redacted.needsText ? undefined : jsonText(redacted.value, req.app);
      return redacted.needsText || text === undefined ? undefined : { text, withheld: redacted.withheld };
    } catch (error) {
      if (error instanceof KeyscopeError) throw error;
      return undefined;
    }
  }

  send(args: readonly unknown[]): unknown {
    const [body] = args;
    const res = this.#res;
    const { rejection } = this.#interceptor;
    if (rejection) return rejection.replacement?.sendBody(args) ?? res;
    const isText = typeof body === 'string' || Buffer.isBuffer(body);
    const contentType = headerText(res, 'content-type');
    if (!isText || body.length === 0 || contentType === undefined || !this.#mayRedact(args))
      return this.#express('send', args);
    const decision = this.#interceptor.head.decideAs('whole', contentType);
    if (decision.kind !== 'stream' || decision.coding !== null) return this.#express('send', args);
    this.#sendText(body, contentType, decision);
    return res;
  }

  /** Read each time: a mounted application has its own methods on the prototype. */
  #express(name: 'json' | 'send', args: readonly unknown[]): unknown {
    const method = (Object.getPrototypeOf(this.#context.res) as Methods)[name]!;
    return Reflect.apply(method, this.#res, args);
  }

  #mayRedact(args: readonly unknown[]): boolean {
    if (args.length !== 1 || !this.#interceptor.isUndecided || this.#res.headersSent) return false;
    if ((this.#res as unknown as Methods).end !== this.#methods.end) return false;
    return restricts(this.#context.getPolicy()) && this.#context.isExpress;
  }

  #sendText(body: string | Buffer, contentType: string, decision: { format: BodyFormat; anyCharset: boolean }): void {
    const { fields, limits, textEvents } = this.#context.options;
    const getPolicy = () => this.#context.getPolicy();
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const { format: bodyFormat, anyCharset } = decision;
    const filter = createBodyFilter(bodyFormat, { fields, limits, textEvents, getPolicy, anyCharset });
    let sent: Uint8Array;
    try {
      sent = concat(filter.push(bytes), filter.end());
      if (bytes === body) sent = copyIfShared(sent, bytes);
    } catch (error) {
      if (!(error instanceof KeyscopeError)) throw error;
      this.#interceptor.fail(error);
      return;
    }
    if (typeof body === 'string') this.#res.setHeader('Content-Type', withUtf8(contentType));
    this.#sendBytes(sent, filter.withheld);
  }

  #sendBytes(bytes: Uint8Array, withheld: readonly Withheld[]): void {
    const { req, res, hidden } = this.#context;
    const interceptor = this.#interceptor;
    removeMeasures(res);
    interceptor.head.withheld = withheld;
    interceptor.expected = bytes;
    try {
      withIfNoneMatch(req, hidden, () => void this.#express('send', [bytes]));
    } finally {
      interceptor.expected = undefined;
    }
  }
}
