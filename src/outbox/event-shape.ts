import type { DurableEventName, KeyEvent, KeyEventType, ProjectEvent } from '../events';
import type { OutboxEvent } from '../store/outbox-store';

/** Name of the durable event that an event of the outbox is part of. */
export function durableNameOf({ type }: OutboxEvent): DurableEventName {
  return type.startsWith('key.') ? 'key' : 'project';
}

/** Type of an event, such as `disabled`. An update that disables a key has a type of its own. */
export function typeOf({ type, after }: OutboxEvent): KeyEventType | ProjectEvent['type'] {
  if (type === 'key.updated' && after?.disabled === true) return 'disabled';
  return type.slice(type.indexOf('.') + 1) as KeyEventType | ProjectEvent['type'];
}

/** The event as its listeners get it. */
export function toDurableEvent(stored: OutboxEvent): KeyEvent | ProjectEvent {
  const { id, at, workspaceId, target, name, actor, source, before, after, lead = null } = stored;
  const common = { id, type: typeOf(stored), at: new Date(at), workspaceId, target };
  const rest = { actor, source, before, after };
  const event = durableNameOf(stored) === 'key' ? { ...common, name, ...rest, lead } : { ...common, ...rest };
  return Object.freeze(event) as KeyEvent | ProjectEvent;
}
