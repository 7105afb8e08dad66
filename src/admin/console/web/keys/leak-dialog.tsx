import { useState } from 'preact/hooks';
import { ApiError } from '../api/api-error';
import * as calls from '../api/calls';
import type { Key, LeakBody, LeakReport } from '../api/types';
import { useApp } from '../context';
import { hrefOf } from '../page-route';
import { Button } from '../ui/button';
import { Dialog } from '../ui/dialog';
import { ErrorNotice } from '../ui/error-notice';
import { Group, TextField } from '../ui/field';
import { Notice } from '../ui/notice';
import { useAction } from '../use-action';
import { type FieldErrors, fieldError, submitForm } from './field-errors';

type Policy = NonNullable<LeakBody['policy']>;

const POLICIES: readonly { value: Policy; label: string; effect: string }[] = [
  { value: 'revoke', label: 'Revoke', effect: 'Requests with the key are denied from now on. This cannot be undone.' },
  { value: 'disable', label: 'Disable', effect: 'Requests with the key are denied until an operator enables it.' },
  { value: 'notify', label: 'Only record', effect: 'The key continues to work. The report is in the activity.' },
];

const OUTCOMES: Readonly<Record<LeakReport['outcome'], { title: string; text: string }>> = {
  revoked: { title: 'The key is revoked.', text: 'Requests with it are denied, permanently.' },
  disabled: { title: 'The key is disabled.', text: 'Requests with it are denied until an operator enables it.' },
  notified: { title: 'The report is recorded.', text: 'The key was not changed, and continues to work.' },
  already_revoked: { title: 'The key was revoked before.', text: 'Nothing was changed.' },
  unknown: {
    title: 'No key of this workspace has this token or id.',
    text: 'Nothing was changed. Check that it is complete. Its key can be deleted, or be one of another workspace.',
  },
};

const FIELDS = ['tokenOrId', 'source', 'url'];
const idOf = (name: string) => `leak-${name}`;

interface Draft {
  readonly tokenOrId: string;
  readonly source: string;
  readonly url: string;
  readonly policy: Policy;
}

function errorsIn({ tokenOrId, source }: Draft): FieldErrors {
  return {
    tokenOrId: tokenOrId.trim() === '' ? 'Enter the token, or the id of the key.' : undefined,
    source: source.trim() === '' ? 'Enter where the report comes from.' : undefined,
  };
}

function bodyOf({ tokenOrId, source, url, policy }: Draft): LeakBody {
  return {
    tokenOrId: tokenOrId.trim(),
    source: source.trim(),
    policy,
    ...(url.trim() !== '' && { url: url.trim() }),
  };
}

const UNKNOWN: LeakReport = { outcome: 'unknown', keyId: null };

async function sendReport(body: LeakBody): Promise<LeakReport> {
  try {
    return await calls.reportLeak(body);
  } catch (error) {
    if (error instanceof ApiError && error.code === 'key_not_found') return UNKNOWN;
    throw error;
  }
}

/** The effect of a report. */
function Outcome({ report: { outcome, keyId } }: { readonly report: LeakReport }) {
  const { title, text } = OUTCOMES[outcome];
  return (
    <Notice kind={outcome === 'unknown' ? 'warning' : 'success'}>
      <div role="status">
        <p>
          <strong>{title}</strong>
        </p>
        <p>{text}</p>
        {keyId !== null && (
          <p>
            <a href={hrefOf('key', { key: keyId })}>Show the key</a>
          </p>
        )}
      </div>
    </Notice>
  );
}

export interface LeakDialogProps {
  /** Null: the operator enters a token or an id. */
  readonly item: Key | null;
  onEnd(): void;
  /** Called when a key may have changed. */
  onReported(): void;
}

/** Reports a leaked token or key. A token is kept only until its report is sent. */
export function LeakDialog({ item, onEnd, onReported }: LeakDialogProps) {
  const { session } = useApp();
  const [draft, setDraft] = useState<Draft>({
    tokenOrId: item?.id ?? '',
    source: '',
    url: '',
    policy: session.leakPolicy ?? 'revoke',
  });
  const [checked, setChecked] = useState(false);
  const [report, setReport] = useState<LeakReport | null>(null);
  const action = useAction(async () => {
    const sent = await sendReport(bodyOf(draft));
    setReport(sent);
    if (sent.outcome === 'unknown') return;
    setDraft((now) => ({ ...now, tokenOrId: '' }));
    onReported();
  });
  const own: FieldErrors = checked ? errorsIn(draft) : {};
  const { error } = action;

  function change(part: Partial<Draft>): void {
    setReport(null);
    setDraft((now) => ({ ...now, ...part }));
  }
  function submit(event: Event): void {
    event.preventDefault();
    setChecked(true);
    submitForm(errorsIn(draft), idOf, action.run);
  }

  if (report !== null && report.outcome !== 'unknown') {
    return (
      <Dialog title="Leak reported" onDismiss={onEnd}>
        <Outcome report={report} />
        <div class="dialog-actions">
          <Button kind="primary" autofocus onClick={onEnd}>
            Done
          </Button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title="Report a leaked key" onDismiss={onEnd}>
      <form noValidate onSubmit={submit}>
        {item === null ? (
          <TextField
            id={idOf('tokenOrId')}
            label="Token, or id of the key"
            hint="A token is checked and not stored."
            value={draft.tokenOrId}
            error={own.tokenOrId ?? fieldError(error, 'tokenOrId')}
            autofocus
            onInput={(tokenOrId) => change({ tokenOrId })}
          />
        ) : (
          <p>
            The token of the key “<bdi>{item.name}</bdi>” was found in a place where others can read it.
          </p>
        )}
        <TextField
          id={idOf('source')}
          label="Reported by"
          hint="Where the report comes from, such as “support ticket 4711”."
          value={draft.source}
          error={own.source ?? fieldError(error, 'source')}
          autofocus={item !== null}
          onInput={(source) => change({ source })}
        />
        <TextField
          id={idOf('url')}
          label="Found at (optional)"
          hint="An address without the token."
          value={draft.url}
          error={fieldError(error, 'url')}
          onInput={(url) => change({ url })}
        />
        <Group
          legend="Policy for the key"
          id={idOf('policy')}
          error={fieldError(error, 'policy')}
          hint={POLICIES.find(({ value }) => value === draft.policy)?.effect}
        >
          <div class="segments">
            {POLICIES.map(({ value, label }) => (
              <label key={value}>
                <input
                  type="radio"
                  name="policy"
                  checked={draft.policy === value}
                  onChange={() => change({ policy: value })}
                />
                <span>{label}</span>
              </label>
            ))}
          </div>
        </Group>
        {report && <Outcome report={report} />}
        {error && <ErrorNotice title="The leak was not reported." error={error} shownElsewhere={FIELDS} />}
        <div class="dialog-actions">
          <Button onClick={onEnd}>Cancel</Button>
          <Button kind="danger" type="submit" busy={action.busy}>
            {error ? 'Try again' : 'Report leak'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
