import { z } from 'zod';
import { LEAK_POLICIES } from '../store/leak-report';

const ID = { minLength: 1, maxLength: 128 };
export const time = z.iso.datetime();
const agentId = z.string().meta({ ...ID, description: 'No control characters, no space at either end.' });

const agentsOut = z
  .union([z.literal('all'), z.array(agentId)])
  .meta({ description: '`all` includes agents that do not exist yet. An array names exactly these.' });

export const keySchema = z
  .object({
    id: z.string(),
    name: z.string(),
    workspaceId: z.string(),
    agents: agentsOut,
    permissions: z.array(z.string()),
    rateLimit: z
      .array(z.object({ limit: z.int().min(1), window: z.int().meta({ description: 'Milliseconds.' }) }))
      .nullable()
      .meta({ description: 'Limits of the requests of the key. Null: the defaults of the app.' }),
    createdAt: time,
    createdBy: z.string().nullable(),
    updatedAt: time,
    expiresAt: time
      .nullable()
      .meta({ description: 'The key works before this time, not at it. Null: it never expires.' }),
    disabled: z.boolean(),
    allowedIps: z
      .array(z.string())
      .meta({ description: 'Addresses and CIDR blocks from which the key is accepted. Empty: any address.' }),
    environment: z.string().nullable().meta({ description: 'The environment whose apps accept the key.' }),
    owner: z
      .object({ kind: z.enum(['user', 'service']), id: z.string() })
      .nullable()
      .meta({ description: 'The user or service that the key belongs to.' }),
    contact: z.string().nullable().meta({ description: 'E-mail address for warnings about the key.' }),
    metadata: z.record(z.string(), z.string()).meta({ description: 'Facts about the key, for the app.' }),
    revision: z.int().min(1).meta({ description: 'Plus one with each change. Use it in `If-Match`, in quotes.' }),
    masked: z
      .string()
      .meta({ description: 'The masked token, to recognise it by.', examples: ['ks_8MPCk3Za************YphQ'] }),
    rotatedFrom: z.string().nullable().meta({ description: 'The id of the key that this key replaced.' }),
    exposure: z
      .object({
        at: time,
        source: z.string().meta({ description: 'Where the report came from.' }),
        url: z.string().nullable().meta({ description: 'Where the token was found. Null: unknown.' }),
        policy: z.enum(LEAK_POLICIES).meta({ description: 'The effect of the report on the key.' }),
      })
      .nullable()
      .meta({ description: 'The report of a leaked token that ended the key, or the first. Null: no report.' }),
    rotatedTo: z.string().nullable().meta({ description: 'The id of the key that replaced this key.' }),
  })
  .meta({ description: 'A key, without its token.' });
