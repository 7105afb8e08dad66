import type { Request, RequestHandler, Response } from 'express';
import type { ApiKeys, KeyscopeError } from '../../../src';
import type { Network } from '../client/network';
import { SimulatedClient } from '../client/redis-client';
import { EventLoop } from '../kernel/event-loop';
import type { Kernel } from '../kernel/kernel';
import { Random } from '../kernel/random';
import type { Plan } from '../plans/plan';
import type { Package, Source } from './load-source';

/** Outcome of a request. `shown` is the name of the key, which identifies the state that accepted the request. */
export type Decision =
  | {
      readonly accepted: true;
      readonly shown: string;
      /** Creates it: most requests end before it is needed. */
      readonly signal: () => AbortSignal | undefined;
    }
  | { readonly accepted: false; readonly code: string };

type Permission = 'read' | 'write';

/** The members of a request that the middleware reads. */
interface FakeRequest {
  readonly headers: Record<string, string>;
  readonly rawHeaders: string[];
  readonly params: Record<string, string>;
  readonly query: Record<string, string>;
  readonly url: string;
  readonly method: string;
  apiKey?: { readonly id: string; readonly name: string; readonly signal?: AbortSignal };
  settle: (error: KeyscopeError) => void;
}

/** The members of a response that the middleware uses before `onError`. */
const RESPONSE = { setHeader() {}, getHeader() {}, removeHeader() {}, headersSent: false } as unknown as Response;

function createOnError() {
  return function onError(error: KeyscopeError, req: unknown): void {
    (req as FakeRequest).settle(error);
  };
}

/** One process of an application: the package's real code, on a simulated event loop, clock and client. */
export class AppProcess {
  readonly loop: EventLoop;
  readonly client: SimulatedClient;
  readonly apiKeys: ApiKeys<Permission>;
  readonly #package: Package;
  readonly #require: Readonly<Record<Permission, RequestHandler>>;
  readonly #requireTranscript: RequestHandler;

  constructor(
    readonly index: number,
    kernel: Kernel,
    network: Network,
    plan: Plan,
    source: Source,
  ) {
    const random = new Random(plan.seed, 100 + index);
    this.loop = new EventLoop(kernel, random, plan.processes[index]!, source.current);
    this.#package = source.package;
    this.client = new SimulatedClient({ index, loop: this.loop, network }, { connectionName: 'app' });
    this.client.on('error', () => {});
    this.apiKeys = this.loop.enter(() => this.#createApiKeys(plan));
    this.#require = {
      read: this.apiKeys.requireApiKey('read', { agent: false }),
      write: this.apiKeys.requireApiKey('write', { agent: false }),
    };
    this.#requireTranscript = this.apiKeys.requireFeature('transcript', { project: () => 'p' });
  }

  #createApiKeys(plan: Plan): ApiKeys<Permission> {
    return this.#package.createApiKeys({
      permissions: { read: { label: 'Read' }, write: { label: 'Write' } },
      redis: this.client,
      telemetry: false,
      ...(plan.importsTokens ? { [this.#package.importedTokensOption]: true } : {}),
      ...(plan.durability === null
        ? {}
        : { durability: { replicas: 1, timeout: Math.max(10, Math.round(plan.durability)) } }),
      maxRevocationLag: plan.maxRevocationLag,
      storeTimeout: plan.storeTimeout,
      cache: { maxKeys: 20, maxMisses: 20, maxWorkspaces: 5 },
      onError: createOnError(),
    });
  }

  /** It can be asked at any time, also while the process is blocked. */
  get mode(): string {
    return this.loop.enter(() => this.apiKeys.health().mode);
  }

  /** Sends a request through the middleware. `decide` is called when it is accepted or answered. */
  request(token: string, permission: Permission, decide: (decision: Decision, req: object) => void): void {
    const req: FakeRequest = {
      headers: { 'x-api-key': token },
      rawHeaders: ['X-Api-Key', token],
      ...{ params: {}, query: {}, url: '/', method: 'GET' },
      settle: (error) => decide({ accepted: false, code: error.code }, req),
    };
    this.#require[permission](req as unknown as Request, RESPONSE, (error?: unknown) => {
      if (error !== undefined) throw error;
      const key = req.apiKey!;
      decide({ accepted: true, shown: key.name, signal: () => key.signal }, req);
    });
  }

  /** Asks for the project's transcript, on behalf of a request that was accepted. */
  requestTranscript(req: object, decide: (code: string | null) => void): void {
    (req as FakeRequest).settle = (error) => decide(error.code);
    this.#requireTranscript(req as unknown as Request, RESPONSE, (error?: unknown) => {
      if (error !== undefined) throw error;
      decide(null);
    });
  }

  async importKey(name: string, token: string): Promise<void> {
    await this.apiKeys.keys.import({ name, token, permissions: ['read', 'write'], agents: 'all' });
  }

  /** The same decision by `verify`. */
  async verify(token: string, permission: Permission): Promise<Decision> {
    const result = await this.apiKeys.verify(token, { permission, agentId: false });
    if (!result.ok) return { accepted: false, code: result.error.code };
    const key = result.key as { id: string; name: string; signal?: AbortSignal };
    return { accepted: true, shown: key.name, signal: () => key.signal };
  }

  /** The error as one of the package; null if it is not. */
  asPackageError(error: unknown): KeyscopeError | null {
    return error instanceof this.#package.KeyscopeError ? error : null;
  }
}
