import type { EventLoop } from '../kernel/event-loop';
import type { Network } from './network';
import type { SocketRole } from './socket';

/** The options of ioredis that make a difference here, with its defaults. */
export interface ClientOptions {
  host: string;
  port: number;
  connectTimeout: number;
  disconnectTimeout: number;
  retryStrategy: ((attempt: number) => number | null) | null;
  autoResendUnfulfilledCommands: boolean;
  enableOfflineQueue: boolean;
  enableReadyCheck: boolean;
  maxRetriesPerRequest: number | null;
  lazyConnect: boolean;
  connectionName: string | null;
  protocol: 2 | 3;
  keyPrefix: string;
  db: number;
}

/** The defaults of ioredis 6. */
export const DEFAULTS: ClientOptions = {
  host: 'redis',
  port: 6379,
  connectTimeout: 10_000,
  disconnectTimeout: 2000,
  retryStrategy: (attempt) => Math.min(attempt * 50, 500),
  autoResendUnfulfilledCommands: true,
  enableOfflineQueue: true,
  enableReadyCheck: true,
  maxRetriesPerRequest: 20,
  lazyConnect: false,
  connectionName: null,
  protocol: 3,
  keyPrefix: '',
  db: 0,
};

/** The process that a client belongs to. */
export interface ClientHost {
  readonly index: number;
  readonly loop: EventLoop;
  readonly network: Network;
}

/** Purpose of a connection, by its name. */
export function roleOf(name: string | null): SocketRole {
  if (name === null || name === 'app') return 'app';
  return /feed/.test(name) ? 'feed' : 'changes';
}
