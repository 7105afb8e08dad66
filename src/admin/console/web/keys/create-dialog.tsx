import { useRef, useState } from 'preact/hooks';
import * as calls from '../api/calls';
import { newIdempotencyKey } from '../api/request';
import type { Agents, Created } from '../api/types';
import { useApp } from '../context';
import { Button } from '../ui/button';
import { Dialog } from '../ui/dialog';
import { ErrorNotice } from '../ui/error-notice';
import { TextField } from '../ui/field';
import { useAction } from '../use-action';
import { AgentsField } from './agents-field';
import { type ExpiryChoice, ExpiryField, expiryBody, expiryError, presetsFor } from './expiry-field';
import { type FieldErrors, fieldError, submitForm } from './field-errors';
import { COLUMN_FIELDS, type ColumnsDraft, changedColumns, MoreOptions, NO_COLUMNS } from './more-options';
import { PermissionsField } from './permissions-field';
import { RevealDialog } from './reveal-dialog';

interface Draft {
  readonly name: string;
  readonly agents: Agents;
  readonly permissions: readonly string[];
  readonly expiry: ExpiryChoice;
  readonly columns: ColumnsDraft;
}

const FIELDS = ['name', 'agents', 'permissions', 'expiresIn', 'expiresAt', ...COLUMN_FIELDS];
const idOf = (name: string) => `create-${name.startsWith('expires') ? 'expiry' : name}`;

function errorsIn({ name, agents, permissions, expiry }: Draft): FieldErrors {
  return {
    name: name.trim() === '' ? 'Enter a name.' : undefined,
    agents: agents !== 'all' && agents.length === 0 ? 'Choose at least one agent, or all of them.' : undefined,
    permissions: permissions.length === 0 ? 'Choose at least one permission.' : undefined,
    expiry: expiryError(expiry),
  };
}

function bodyOf({ name, agents, permissions, expiry, columns }: Draft): calls.NewKey {
  return {
    name: name.trim(),
    agents,
    permissions,
    ...expiryBody(expiry),
    ...changedColumns(columns, NO_COLUMNS),
  };
}

/** Returns the idempotency key for a body: the same one until the body changes. */
function useIdempotencyKey() {
  const last = useRef({ body: '', key: '' });
  return function keyFor(body: unknown): string {
    const text = JSON.stringify(body);
    if (last.current.body !== text) last.current = { body: text, key: newIdempotencyKey() };
    return last.current.key;
  };
}

export interface CreateDialogProps {
  onEnd(): void;
  onCreated(): void;
}

export function CreateDialog({ onEnd, onCreated }: CreateDialogProps) {
  const { session } = useApp();
  const [draft, setDraft] = useState<Draft>({
    name: '',
    agents: 'all',
    permissions: [],
    expiry: { lifetime: session.defaultLifetime },
    columns: NO_COLUMNS,
  });
  const [checked, setChecked] = useState(false);
  const [created, setCreated] = useState<Created | null>(null);
  const keyFor = useIdempotencyKey();
  const creation = useAction(async () => {
    const body = bodyOf(draft);
    setCreated(await calls.createKey(body, keyFor(body)));
    onCreated();
  });
  const own: FieldErrors = checked ? errorsIn(draft) : {};
  const { error } = creation;

  function change(part: Partial<Draft>): void {
    setDraft((now) => ({ ...now, ...part }));
  }
  function submit(event: Event): void {
    event.preventDefault();
    setChecked(true);
    submitForm(errorsIn(draft), idOf, creation.run);
  }

  if (created !== null) return <RevealDialog created={created} onEnd={onEnd} />;
  return (
    <Dialog title="Create an API key" wide onDismiss={onEnd}>
      <form noValidate onSubmit={submit}>
        <TextField
          id={idOf('name')}
          label="Name"
          hint="The purpose of the key, such as “CRM sync” or “Nightly analytics”."
          value={draft.name}
          error={own.name ?? fieldError(error, 'name')}
          autofocus
          onInput={(name) => change({ name })}
        />
        <AgentsField
          id={idOf('agents')}
          value={draft.agents}
          error={own.agents ?? fieldError(error, 'agents')}
          onChange={(agents) => change({ agents })}
        />
        <PermissionsField
          id={idOf('permissions')}
          selected={draft.permissions}
          error={own.permissions ?? fieldError(error, 'permissions')}
          onChange={(permissions) => change({ permissions })}
        />
        <ExpiryField
          id={idOf('expiry')}
          choice={draft.expiry}
          presets={presetsFor(session.defaultLifetime)}
          allowsNever={session.keysWithoutExpiry === true}
          error={own.expiry ?? fieldError(error, 'expiresAt') ?? fieldError(error, 'expiresIn')}
          onChange={(expiry) => change({ expiry })}
        />
        <MoreOptions
          id="create"
          draft={draft.columns}
          error={error}
          onChange={(part) => change({ columns: { ...draft.columns, ...part } })}
        />
        {error && <ErrorNotice title="The key was not created." error={error} shownElsewhere={FIELDS} />}
        <div class="dialog-actions">
          <Button onClick={onEnd}>Cancel</Button>
          <Button kind="primary" type="submit" busy={creation.busy}>
            {error ? 'Try again' : 'Create key'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
