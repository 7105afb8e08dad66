import { useRef, useState } from 'preact/hooks';
import { ApiError } from '../api/api-error';
import * as calls from '../api/calls';
import { newIdempotencyKey } from '../api/request';
import type { Created, Key } from '../api/types';
import { Button } from '../ui/button';
import { Dialog } from '../ui/dialog';
import { ErrorNotice } from '../ui/error-notice';
import { Group } from '../ui/field';
import { useAction } from '../use-action';
import { type Conflict, ConflictNote, readConflict } from './conflict';
import { RevealDialog } from './reveal-dialog';

const OVERLAPS = [
  { overlap: '24h', label: '24 hours' },
  { overlap: '7d', label: '7 days' },
  { overlap: '1h', label: '1 hour' },
  { overlap: 0, label: 'Revoke at once' },
] as const;
type Overlap = (typeof OVERLAPS)[number]['overlap'];

export interface RotateDialogProps {
  readonly item: Key;
  onEnd(): void;
  /** Called when there is a new key, and this one will expire. */
  onChanged(): void;
}

export function RotateDialog({ item, onEnd, onChanged }: RotateDialogProps) {
  const [overlap, setOverlap] = useState<Overlap>('24h');
  const [base, setBase] = useState(item);
  const [conflict, setConflict] = useState<Conflict | null>(null);
  const [created, setCreated] = useState<Created | null>(null);
  const attempts = useRef(new Map<Overlap, string>());
  const rotation = useAction(async () => {
    const key = attempts.current.get(overlap) ?? newIdempotencyKey();
    attempts.current.set(overlap, key);
    try {
      setCreated(await calls.rotateKey(base.id, { overlap }, base.revision, key));
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'precondition_failed') throw error;
      attempts.current.clear();
      setConflict(await readConflict(base));
      return;
    }
    onChanged();
  });

  if (created !== null) return <RevealDialog created={created} onEnd={onEnd} />;
  return (
    <Dialog title="Rotate API key" onDismiss={onEnd}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void rotation.run();
        }}
      >
        <p>
          Creates a new key to replace “<bdi>{item.name}</bdi>”, with the same agents and permissions.
        </p>
        <Group
          legend="How long the old key continues to work"
          id="overlap"
          error={undefined}
          hint="Time to replace the old key in the programs that use it."
        >
          <div class="segments">
            {OVERLAPS.map(({ overlap: value, label }) => (
              <label key={label}>
                <input type="radio" name="overlap" checked={overlap === value} onChange={() => setOverlap(value)} />
                <span>{label}</span>
              </label>
            ))}
          </div>
        </Group>
        {conflict && (
          <ConflictNote
            conflict={conflict}
            mine="Continue"
            theirs="Cancel"
            onMine={() => {
              setBase(conflict.now);
              setConflict(null);
            }}
            onTheirs={onEnd}
          />
        )}
        {rotation.error && <ErrorNotice title="The key was not rotated." error={rotation.error} />}
        {!conflict && (
          <div class="dialog-actions">
            <Button onClick={onEnd}>Cancel</Button>
            <Button kind="primary" type="submit" busy={rotation.busy}>
              {rotation.error ? 'Try again' : 'Rotate key'}
            </Button>
          </div>
        )}
      </form>
    </Dialog>
  );
}
