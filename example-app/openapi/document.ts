import { CORRELATION_HEADER } from '../envelope';
import { boolean, ref, SCHEMAS, type Schema, string } from './schemas';

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

const json = (schema: Schema): Content => ({ 'application/json': { schema } });
const ERRORS: Readonly<Record<number, string>> = {
  400: 'The request is malformed',
  401: 'The key is missing, invalid or expired',
  403: 'The key may not do this, or the project has not enabled it',
  404: 'Not found',
  410: 'This version is no longer supported',
  413: 'The body is too large',
  415: 'The body has a type that is not read',
  500: 'The server failed',
  502: 'The conversations service does not respond',
  503: 'The key store cannot be reached',
};

const headers = { [CORRELATION_HEADER]: { schema: string } };

function responses(success: Readonly<Record<number, Content | null>>, errors: readonly number[], error: string) {
  const successes = Object.entries(success).map(([status, content]) => [
    status,
    { description: 'Success', headers, ...(content && { content }) },
  ]);
  const failures = errors.map((status) => [
    status,
    { description: ERRORS[status], headers, content: json(ref(error)) },
  ]);
  return Object.fromEntries([...successes, ...failures]);
}

const inPath = (name: string) => ({ name, in: 'path', required: true, schema: string });
const inQuery = (name: string, schema: Schema = string, required = false) => ({ name, in: 'query', required, schema });
const time: Schema = { type: 'string', description: 'ISO 8601; UTC without a zone.' };

const FILTER = [
  inQuery('start_time', time),
  inQuery('end_time', time),
  inQuery('limit', { type: 'integer', minimum: 1, maximum: 1000, default: 1000 }),
  inQuery('offset', { type: 'integer', minimum: 0 }),
  inQuery('cursor'),
  inQuery('client_env', { enum: ['live', 'sandbox', 'pre-release'], default: 'live' }),
  inQuery('channel', { type: 'array', items: string }),
  inQuery('variant_id'),
  inQuery('variant_name'),
  inQuery('in_progress', boolean),
  inQuery('include_latency', boolean),
  inQuery('query_type', { enum: ['transcript', 'semantic'] }),
  inQuery('query'),
  inQuery('turn_type', { enum: ['user', 'agent'] }),
  inQuery('sample', { enum: ['random'] }),
];

const KEY_ERRORS = [400, 401, 403, 404, 500, 503];

function listOf(summary: string, parameters: readonly object[], errors = KEY_ERRORS) {
  return {
    get: {
      summary,
      parameters: [...parameters, ...FILTER],
      responses: responses({ 200: json(ref('ConversationPage')) }, errors, 'ErrorEnvelope'),
    },
  };
}

function agentsOf(parameters: readonly object[]) {
  return {
    get: {
      summary: 'List the agents that the key may use',
      parameters,
      responses: responses(
        { 200: json({ type: 'array', items: ref('Agent') }) },
        [401, 403, 404, 500, 503],
        'ErrorEnvelope',
      ),
    },
  };
}

const PROJECT = [inPath('account_id'), inPath('project_id')];
const CONVERSATION = [inPath('agentId'), inPath('conversationId')];

/** The OpenAPI 3.1 document of the example app, served at `/openapi.json`. Every response in the tests is validated by it. */
export const OPENAPI = {
  openapi: '3.1.0',
  info: { title: 'Voice-agent platform (keyscope example app)', version: '3.0.0' },
  security: [{ apiKey: [] }],
  paths: {
    '/v3/conversations': listOf('List conversations of all projects that the key may use', []),
    '/v3/{account_id}/{project_id}/conversations': listOf('List conversations of a project', PROJECT),
    '/proxied/v3/{account_id}/{project_id}/conversations': listOf('The same list, through a proxy', PROJECT, [
      ...KEY_ERRORS,
      502,
    ]),
    '/v1/{account_id}/{project_id}/conversations': {
      get: {
        summary: 'Version 1 of the list: no longer served',
        parameters: PROJECT,
        security: [],
        responses: responses({}, [404, 410], 'ErrorEnvelope'),
      },
    },
    '/v1/agents': agentsOf([]),
    '/v1/accounts/{accountId}/agents': agentsOf([inPath('accountId')]),
    '/v1/agents/{agentId}/conversations/{conversationId}': {
      get: {
        summary: 'One conversation',
        parameters: CONVERSATION,
        responses: responses({ 200: json(ref('ConversationDetail')) }, KEY_ERRORS, 'ErrorEnvelope'),
      },
    },
    '/v1/agents/{agentId}/conversations/{conversationId}/audio': {
      get: {
        summary: 'The recording of a conversation',
        parameters: [
          ...CONVERSATION,
          inQuery('direction', { enum: ['combined', 'user', 'agent'], default: 'combined' }),
          inQuery('redacted', boolean),
        ],
        responses: responses({ 200: { 'audio/wav': { schema: {} } } }, KEY_ERRORS, 'ErrorEnvelope'),
      },
    },
    '/v1/{account_id}/{project_id}/handoff_state': {
      get: {
        summary: 'The state that an agent left for the side that takes a conversation over',
        parameters: [...PROJECT, inQuery('id'), inQuery('shared_id')],
        responses: responses({ 200: json(ref('HandoffState')) }, KEY_ERRORS, 'PlainError'),
      },
    },
    '/v1/external-events/webhook': {
      post: {
        summary: 'Send an event to an active conversation',
        parameters: [
          inQuery('account_id', string, true),
          inQuery('project_id', string, true),
          inQuery('event_id_location', { enum: ['headers', 'querystring', 'payload'] }, true),
          inQuery('event_id_path', string, true),
        ],
        requestBody: {
          content: Object.fromEntries(
            ['application/json', 'application/x-www-form-urlencoded', 'application/xml', 'text/plain'].map((type) => [
              type,
              { schema: {} },
            ]),
          ),
        },
        responses: responses({ 201: null }, [...KEY_ERRORS, 413, 415], 'PlainError'),
      },
    },
  },
  components: {
    securitySchemes: { apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' } },
    schemas: SCHEMAS,
  },
} as const;
