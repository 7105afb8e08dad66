import { useState } from 'preact/hooks';
import { ApiError } from '../api/api-error';
import * as calls from '../api/calls';
import type { Key } from '../api/types';
import { useApp } from '../context';
import { describeAgents, exactTime } from '../format';
import { Button } from '../ui/button';
import { Dialog } from '../ui/dialog';
import { ErrorNotice } from '../ui/error-notice';
import { TextField } from '../ui/field';
import { useAction } from '../use-action';
import { type Conflict, ConflictNote, readConflict } from './conflict';
import { type FieldErrors, fieldError, submitForm } from './field-errors';
import { COLUMN_FIELDS, changedColumns, draftOf, MoreOptions } from './more-options';
import { PermissionsField } from './permissions-field';

const idOf = (name: string) => `edit-${name}`;

function errorsIn(name: string, permissions: readonly string[]): FieldErrors {
  return {
    name: name.trim() === '' ? 'Enter a name.' : undefined,
    permissions: permissions.length === 0 ? 'Choose at least one permission. To stop the key, disable it.' : undefined,
  };
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name) => other.includes(name));
}

export interface EditDialogProps {
  readonly item: Key;
  onEnd(): void;
  onChanged(id: string, key: Key | null): void;
}

export function EditDialog({ item, onEnd, onChanged }: EditDialogProps) {
  const { agents, toast } = useApp();
  /** The key as the operator has last seen it. Changes are made to this revision. */
  const [base, setBase] = useState(item);
  const [name, setName] = useState(item.name);
  const [permissions, setPermissions] = useState<readonly string[]>(item.permissions);
  const [columns, setColumns] = useState(() => draftOf(item));
  const [conflict, setConflict] = useState<Conflict | null>(null);

  /** The changed fields only, so that saving does not undo another operator's changes to the rest. */
  function changes(): calls.KeyChanges {
    return {
      ...(name.trim() !== base.name && { name: name.trim() }),
      ...(!same(permissions, base.permissions) && { permissions }),
      ...changedColumns(columns, draftOf(base)),
    };
  }

  const saving = useAction(async () => {
    const changed = changes();
    if (Object.keys(changed).length === 0) return onEnd();
    try {
      onChanged(item.id, await calls.updateKey(item.id, changed, base.revision));
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'precondition_failed') throw error;
      const found = await readConflict(base);
      onChanged(item.id, found.now);
      setConflict(found);
      return;
    }
    toast(`“${name.trim()}” was saved. This takes effect within a second.`);
    onEnd();
  });
  const own = errorsIn(name, permissions);

  function submit(event: Event): void {
    event.preventDefault();
    submitForm(own, idOf, saving.run);
  }
  /** Applies the operator's changes to the key as it is now. */
  function keepMine({ now }: Conflict): void {
    const mine = changes();
    setBase(now);
    setName(mine.name ?? now.name);
    setPermissions(mine.permissions ?? now.permissions);
    setColumns(draftOf({ ...now, ...mine } as Key));
    setConflict(null);
  }
  function takeTheirs({ now }: Conflict): void {
    setBase(now);
    setName(now.name);
    setPermissions(now.permissions);
    setColumns(draftOf(now));
    setConflict(null);
  }

  return (
    <Dialog title="Edit API key" wide onDismiss={onEnd}>
      <form noValidate onSubmit={submit}>
        <TextField
          id={idOf('name')}
          label="Name"
          value={name}
          error={own.name ?? fieldError(saving.error, 'name')}
          onInput={setName}
        />
        <PermissionsField
          id={idOf('permissions')}
          selected={permissions}
          error={own.permissions ?? fieldError(saving.error, 'permissions')}
          onChange={setPermissions}
        />
        <MoreOptions
          id="edit"
          draft={columns}
          error={saving.error}
          onChange={(part) => setColumns((now) => ({ ...now, ...part }))}
        />
        <dl class="facts">
          <dt>Agents</dt>
          <dd>
            <bdi>{describeAgents(base.agents, agents)}</bdi>
          </dd>
          <dt>Expires</dt>
          <dd>{base.expiresAt === null ? 'Never' : exactTime(base.expiresAt)}</dd>
          <dt>Key id</dt>
          <dd>
            <code>{base.id}</code>
          </dd>
        </dl>
        <p class="hint">
          Agents and expiry are fixed when a key is created. Create another key for other agents, or rotate this one for
          another expiry.
        </p>
        {conflict && (
          <ConflictNote
            conflict={conflict}
            mine="Keep my changes"
            theirs="Take theirs"
            onMine={() => keepMine(conflict)}
            onTheirs={() => takeTheirs(conflict)}
          />
        )}
        {saving.error && (
          <ErrorNotice
            title="The change was not saved."
            error={saving.error}
            shownElsewhere={['name', 'permissions', ...COLUMN_FIELDS]}
          />
        )}
        {!conflict && (
          <div class="dialog-actions">
            <Button onClick={onEnd}>Cancel</Button>
            <Button kind="primary" type="submit" busy={saving.busy}>
              {saving.error ? 'Try again' : 'Save'}
            </Button>
          </div>
        )}
      </form>
    </Dialog>
  );
}
