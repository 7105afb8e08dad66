import { useEffect, useRef } from 'preact/hooks';
import * as calls from '../api/calls';
import type { Key, Permission } from '../api/types';
import { useApp } from '../context';
import { metadataText, ownerText } from '../format';
import { Button } from '../ui/button';
import { Icon } from '../ui/icon';
import { RelativeTime } from '../ui/relative-time';
import { rateLimitText } from './rate-limit-text';

/** A key that another operator has changed while a dialog was open. */
export interface Conflict {
  readonly before: Key;
  readonly now: Key;
  /** The other operator, or null if unknown. */
  readonly actor: string | null;
  readonly at: string;
}

/** Reads the key as it is now, and who changed it. Rejects if the key is deleted. */
export async function readConflict(before: Key): Promise<Conflict> {
  const now = await calls.getKey(before.id);
  const [entry] = await calls.listAudit({ target: before.id, limit: 1 }).then(
    ({ entries }) => entries,
    // Without the actor, the changes are still shown.
    () => [],
  );
  return { before, now, actor: entry?.actor ?? null, at: now.updatedAt };
}

function labels(names: readonly string[], permissions: readonly Permission[]): string {
  return names.map((name) => permissions.find((each) => each.name === name)?.label ?? name).join(', ');
}

function changesOf({ before, now }: Conflict, permissions: readonly Permission[]) {
  const state = ({ disabled }: Key) => (disabled ? 'Disabled' : 'Enabled');
  return [
    { what: 'Name', from: before.name, to: now.name },
    {
      what: 'Permissions',
      from: labels(before.permissions, permissions),
      to: labels(now.permissions, permissions),
    },
    { what: 'Allowed addresses', from: before.allowedIps.join(', '), to: now.allowedIps.join(', ') },
    { what: 'Rate limits', from: rateLimitText(before.rateLimit), to: rateLimitText(now.rateLimit) },
    { what: 'Owner', from: before.owner && ownerText(before.owner), to: now.owner && ownerText(now.owner) },
    { what: 'Contact', from: before.contact, to: now.contact },
    { what: 'Metadata', from: metadataText(before.metadata), to: metadataText(now.metadata) },
    { what: 'State', from: state(before), to: state(now) },
    { what: 'Leak reported by', from: before.exposure?.source, to: now.exposure?.source },
    { what: 'Rotated', from: before.rotatedTo === null ? 'No' : 'Yes', to: now.rotatedTo === null ? 'No' : 'Yes' },
  ].filter(({ from, to }) => from !== to);
}

export interface ConflictNoteProps {
  readonly conflict: Conflict;
  /** Label of the button that continues. */
  readonly mine: string;
  readonly theirs: string;
  onMine(): void;
  onTheirs(): void;
}

/** The other operator's changes. Nothing is overwritten until this operator decides. */
export function ConflictNote({ conflict, mine, theirs, onMine, onTheirs }: ConflictNoteProps) {
  const { permissions } = useApp();
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => ref.current?.focus(), []);
  return (
    <div class="note warning" role="alert" tabIndex={-1} ref={ref}>
      <Icon name="warning" />
      <div>
        <p>
          <strong>
            <bdi>{conflict.actor ?? 'Another operator'}</bdi> changed this key <RelativeTime time={conflict.at} />. Your
            change was not made.
          </strong>
        </p>
        <ul class="changes">
          {changesOf(conflict, permissions).map(({ what, from, to }) => (
            <li key={what}>
              {what}: <del>{from}</del> → <ins>{to}</ins>
            </li>
          ))}
        </ul>
        <div class="dialog-actions start">
          <Button onClick={onTheirs}>{theirs}</Button>
          <Button kind="primary" onClick={onMine}>
            {mine}
          </Button>
        </div>
      </div>
    </div>
  );
}
