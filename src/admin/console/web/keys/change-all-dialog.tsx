import { Fragment } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import * as calls from '../api/calls';
import type { Key } from '../api/types';
import { count, counted } from '../format';
import { Button } from '../ui/button';
import { Dialog } from '../ui/dialog';
import { ErrorNotice } from '../ui/error-notice';
import { Group } from '../ui/field';
import { Notice } from '../ui/notice';
import { KeyBadges } from './key-badges';
import { FILTER_LABELS } from './key-filters';
import { OwnerField, type OwnerKind } from './owner-field';
import { useChangeAll } from './use-change-all';

/** Keys in one request. Each request of a change shows progress, and must end within the timeout. */
const KEYS_PER_REQUEST = { dryRun: 1000, change: 200 };

const CHANGES = {
  disable: {
    label: 'Disable',
    done: 'disabled',
    effect: 'Requests with these keys are denied until an operator enables each key. Disabled keys are not counted.',
    result: 'Requests with them are denied until an operator enables them.',
  },
  delete: {
    label: 'Delete',
    done: 'deleted',
    effect: 'Requests with these keys are denied from now on. This cannot be undone.',
    result: 'Requests with them are denied. The activity has an entry for each key.',
  },
} as const;
type Change = keyof typeof CHANGES;

function Conditions({ selection }: { readonly selection: calls.KeySelection }) {
  const { q, ...filters } = selection;
  const conditions = (Object.keys(FILTER_LABELS) as (keyof calls.KeyFilters)[]).filter((name) => filters[name]);
  return (
    <dl class="facts">
      {q && (
        <>
          <dt>Search</dt>
          <dd>
            <bdi>{q}</bdi>
          </dd>
        </>
      )}
      {conditions.map((name) => (
        <Fragment key={name}>
          <dt>{FILTER_LABELS[name]}</dt>
          <dd>
            <bdi>{filters[name]}</bdi>
          </dd>
        </Fragment>
      ))}
    </dl>
  );
}

function Sample({ keys, total }: { readonly keys: readonly Key[]; readonly total: number }) {
  return (
    <ul class="sample" aria-label="The first of these keys">
      {keys.map((item) => (
        <li key={item.id}>
          <bdi>{item.name}</bdi> <code>{item.masked}</code> <KeyBadges item={item} />
        </li>
      ))}
      {total > keys.length && <li class="muted">and {count(total - keys.length)} more</li>}
    </ul>
  );
}

interface SelectedProps {
  readonly selection: calls.KeySelection;
  readonly title: string;
  readonly initial: Change;
  onEnd(): void;
  /** Called when keys have changed. */
  onChanged(): void;
}

/** Counts the keys first. Then, when the operator confirms that number, changes them. */
function ChangeSelected({ selection, title, initial, onEnd, onChanged }: SelectedProps) {
  const [change, setChange] = useState<Change>(initial);
  const dryRun = useChangeAll((cursor) =>
    calls.changeKeys(change, { ...selection, dryRun: true, limit: KEYS_PER_REQUEST.dryRun, cursor }),
  );
  const changing = useChangeAll((cursor) =>
    calls.changeKeys(change, { ...selection, limit: KEYS_PER_REQUEST.change, cursor }),
  );
  const { label, done, effect, result } = CHANGES[change];
  const { progress: found } = dryRun;
  const { progress: now } = changing;
  const isRunning = now.state === 'running';
  const changed = `${now.isExact ? '' : 'At least '}${counted(now.count, 'key')} ${now.count === 1 ? 'was' : 'were'} ${done}.`;

  useEffect(() => {
    dryRun.start();
    return dryRun.cancel;
  }, [change]);
  useEffect(() => {
    if (now.state === 'done' || now.state === 'stopped') onChanged();
  }, [now.state]);

  if (now.state === 'done') {
    return (
      <Dialog title={title} onDismiss={onEnd}>
        <Notice kind="success">
          <div role="status">
            <p>
              <strong>{changed}</strong>
            </p>
            <p>{result}</p>
          </div>
        </Notice>
        <div class="dialog-actions">
          <Button kind="primary" autofocus onClick={onEnd}>
            Done
          </Button>
        </div>
      </Dialog>
    );
  }
  if (now.state !== 'idle') {
    return (
      <Dialog title={title} onDismiss={isRunning ? changing.stop : onEnd}>
        <p role="status">
          {isRunning
            ? `${count(now.count)} of ${counted(found.count, 'key')} ${done} …`
            : `Stopped. ${now.count > 0 ? changed : ''}`}
        </p>
        <progress
          class="change-progress"
          aria-label="Keys"
          max={found.count}
          value={Math.min(now.count, found.count)}
        />
        {now.error && <ErrorNotice title="The change was interrupted." error={now.error} />}
        <div class="dialog-actions">
          {isRunning ? (
            <Button busy={changing.isStopping} onClick={changing.stop}>
              Stop
            </Button>
          ) : (
            <>
              <Button onClick={onEnd}>Close</Button>
              <Button kind={change === 'delete' ? 'danger' : 'primary'} onClick={changing.resume}>
                Continue with the others
              </Button>
            </>
          )}
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={title} onDismiss={onEnd}>
      <Conditions selection={selection} />
      <Group legend="Change" id="change-all" error={undefined} hint={effect}>
        <div class="segments">
          {(Object.keys(CHANGES) as Change[]).map((value) => (
            <label key={value}>
              <input type="radio" name="change" checked={change === value} onChange={() => setChange(value)} />
              <span>{CHANGES[value].label}</span>
            </label>
          ))}
        </div>
      </Group>
      <p role="status">
        {found.state === 'running' && `Counting: ${counted(found.count, 'key')} so far …`}
        {found.state === 'done' && (
          <strong>
            {found.count === 0 ? 'No key would be' : `${counted(found.count, 'key')} will be`} {done}.
          </strong>
        )}
      </p>
      {found.state === 'done' && found.count > 0 && <Sample keys={found.sample} total={found.count} />}
      {found.error && <ErrorNotice title="The keys were not counted." error={found.error} onRetry={dryRun.resume} />}
      <div class="dialog-actions">
        <Button autofocus onClick={onEnd}>
          Cancel
        </Button>
        {found.state === 'done' && found.count > 0 && (
          <Button kind={change === 'delete' ? 'danger' : 'primary'} onClick={changing.start}>
            {`${label} ${counted(found.count, 'key')}`}
          </Button>
        )}
      </div>
    </Dialog>
  );
}

export interface ChangeAllDialogProps {
  /** Search and filters of the page. */
  readonly selection: calls.KeySelection;
  onEnd(): void;
  onChanged(): void;
}

/** Disables or deletes all keys that the page's search and filters match. */
export function ChangeAllDialog(props: ChangeAllDialogProps) {
  return <ChangeSelected {...props} title="Change all matching keys" initial="disable" />;
}

/** Deletes or disables all keys of an owner, such as a user who leaves. */
export function OffboardDialog({ onEnd, onChanged }: Omit<ChangeAllDialogProps, 'selection'>) {
  const title = 'Revoke the keys of an owner';
  const [kind, setKind] = useState<OwnerKind>('user');
  const [ownerId, setOwnerId] = useState('');
  const [checked, setChecked] = useState(false);
  const [owner, setOwner] = useState<string | null>(null);
  const isEmpty = ownerId.trim() === '';

  function submit(event: Event): void {
    event.preventDefault();
    setChecked(true);
    if (isEmpty) document.getElementById('offboard-owner')?.focus();
    else setOwner(`${kind}:${ownerId.trim()}`);
  }
  if (owner !== null) return <ChangeSelected {...{ title, onEnd, onChanged }} selection={{ owner }} initial="delete" />;
  return (
    <Dialog title={title} onDismiss={onEnd}>
      <form noValidate onSubmit={submit}>
        <p>For a user who leaves, or a service that is shut down. The keys are counted before anything changes.</p>
        <OwnerField
          id="offboard"
          kind={kind}
          ownerId={ownerId}
          error={checked && isEmpty ? 'Enter the id of the owner.' : undefined}
          onKind={setKind}
          onId={setOwnerId}
        />
        <div class="dialog-actions">
          <Button onClick={onEnd}>Cancel</Button>
          <Button kind="primary" type="submit">
            Count keys
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
