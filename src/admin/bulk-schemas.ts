import { z } from 'zod';
import { bulkOptionFields, selectionFields } from '../keys/input-schemas';
import { keySchema } from './key-schema';

const MAX_CHANGES = 1000;
/** Body of the operations that change all keys of a selection. One request changes a bounded number. */
export const changeAllBodySchema = z
  .strictObject({
    ...selectionFields,
    ...bulkOptionFields,
    limit: z.int().min(1).max(MAX_CHANGES).default(MAX_CHANGES),
  })
  .meta({ description: 'The keys, by at least one condition or `all`.' });

export const changedKeysSchema = z.object({
  dryRun: z.boolean(),
  count: z.int().min(0).meta({ description: 'Number of keys that were changed, or would be.' }),
  sample: z.array(keySchema).meta({ description: 'The first 20 of these keys, as they were before.' }),
  cursor: z.string().nullable().meta({ description: 'Null if all keys were examined. Otherwise send it again.' }),
});

/** With their names in the OpenAPI document. */
export const BULK_SCHEMAS: readonly (readonly [z.ZodType, string])[] = [
  [changeAllBodySchema, 'KeySelection'],
  [changedKeysSchema, 'ChangedKeys'],
];
