import { z } from 'zod';
import { auditedFeatures, shownFields } from '../../audit-entry';
import type { OutboxEvent, OutboxEventType } from '../../outbox-store';

const shown = z.record(z.string(), z.unknown()).nullable();
const eventSchema = z.object({
  id: z.string(),
  // Not only the known types: during an update, processes of a later version add others.
  type: z.custom<OutboxEventType>((type) => typeof type === 'string' && /^(?:key|project)\.[a-z_]+$/.test(type)),
  at: z.number(),
  workspaceId: z.string(),
  target: z.string(),
  name: z.string().nullable(),
  actor: z.string().nullable(),
  source: z.string().nullable(),
  before: shown,
  after: shown,
  lead: z.number().optional(),
});
const featuresSchema = z.object({ transcript: z.boolean(), metrics: z.union([z.literal('all'), z.array(z.string())]) });

function shownFeatures(value: Readonly<Record<string, unknown>> | null): OutboxEvent['before'] {
  // The outbox has the whole stored value. A damaged one was there before the change.
  const { data } = featuresSchema.safeParse(value);
  return data === undefined ? null : auditedFeatures(data);
}

function shownKey(value: OutboxEvent['before']): OutboxEvent['before'] {
  return value && shownFields(value);
}

/** Event of an entry's fields; null if there are none, or if they are no event. */
export function decodeEvent(fields: unknown): OutboxEvent | null {
  try {
    const event = eventSchema.parse(JSON.parse(Array.isArray(fields) ? fields[1] : ''));
    if (!event.type.startsWith('project.'))
      return { ...event, before: shownKey(event.before), after: shownKey(event.after) };
    return { ...event, before: shownFeatures(event.before), after: shownFeatures(event.after) };
  } catch {
    return null;
  }
}
