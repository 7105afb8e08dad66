import { useState } from 'preact/hooks';
import { ApiError } from '../api/api-error';
import * as calls from '../api/calls';
import type { Key, Usage } from '../api/types';
import { useApp } from '../context';
import { counted, describeAgents } from '../format';
import { Button } from '../ui/button';
import { Dialog } from '../ui/dialog';
import { ErrorNotice } from '../ui/error-notice';
import { RelativeTime } from '../ui/relative-time';
import { useAction } from '../use-action';
import { useLoad } from '../use-load';
import { type Conflict, ConflictNote, readConflict } from './conflict';

const TEXTS = {
  delete: {
    title: 'Delete API key',
    effect: 'are denied from now on. This cannot be undone.',
    act: 'Delete key',
    failed: 'The key was not deleted.',
  },
  disable: {
    title: 'Disable API key',
    effect: 'are denied until the key is enabled again.',
    act: 'Disable key',
    failed: 'The key was not disabled.',
  },
  enable: {
    title: 'Enable API key',
    effect: 'are allowed again.',
    act: 'Enable key',
    failed: 'The key was not enabled.',
  },
} as const;

/** Facts that help to recognise the key, and its recent usage. */
function KeyFacts({ item, usage }: { readonly item: Key; readonly usage: Usage | undefined }) {
  const { agents } = useApp();
  const loaded = useLoad(item.id, () => (usage ? Promise.resolve(usage) : calls.getKeyUsage(item.id)));
  const recent = loaded.data?.days.slice(-7).reduce((sum, { allowed, denied }) => sum + allowed + denied, 0) ?? 0;
  return (
    <dl class="facts">
      <dt>Last used</dt>
      <dd>
        {loaded.loading && 'Loading …'}
        {loaded.error && 'Unknown: the usage could not be read.'}
        {loaded.data?.lastUsedAt === null && 'Never'}
        {loaded.data?.lastUsedAt && (
          <>
            <RelativeTime time={loaded.data.lastUsedAt} />
            {recent > 0 && `, ${counted(recent, 'request')} in the last 7 days`}
          </>
        )}
      </dd>
      <dt>Created</dt>
      <dd>
        <RelativeTime time={item.createdAt} />
        {item.createdBy !== null && (
          <>
            {' by '}
            <bdi>{item.createdBy}</bdi>
          </>
        )}
      </dd>
      <dt>Agents</dt>
      <dd>
        <bdi>{describeAgents(item.agents, agents)}</bdi>
      </dd>
      <dt>Token</dt>
      <dd>
        <code>{item.masked}</code>
      </dd>
    </dl>
  );
}

export interface ConfirmDialogProps {
  readonly kind: keyof typeof TEXTS;
  readonly item: Key;
  readonly usage: Usage | undefined;
  onEnd(): void;
  onChanged(id: string, key: Key | null): void;
}

export function ConfirmDialog({ kind, item, usage, onEnd, onChanged }: ConfirmDialogProps) {
  const { toast } = useApp();
  const [base, setBase] = useState(item);
  const [conflict, setConflict] = useState<Conflict | null>(null);
  const { title, effect, act, failed } = TEXTS[kind];

  async function perform(): Promise<void> {
    if (kind === 'delete') {
      await calls.deleteKey(base.id, base.revision);
      onChanged(base.id, null);
    } else {
      onChanged(base.id, await calls.updateKey(base.id, { disabled: kind === 'disable' }, base.revision));
      toast(`“${base.name}” is ${kind}d. This takes effect within a second.`);
    }
  }
  const action = useAction(async () => {
    try {
      await perform();
    } catch (error) {
      const { code } = error instanceof ApiError ? error : { code: '' };
      if (code === 'precondition_failed') {
        const found = await readConflict(base);
        onChanged(base.id, found.now);
        return setConflict(found);
      }
      // The key is deleted, as intended: by another operator, or by an attempt whose response was lost.
      if (code !== 'key_not_found' || kind !== 'delete') throw error;
      onChanged(base.id, null);
    }
    onEnd();
  });

  return (
    <Dialog title={title} onDismiss={onEnd}>
      <p>
        Requests with the key “<bdi>{base.name}</bdi>” {effect}
      </p>
      <KeyFacts item={base} usage={usage} />
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
      {action.error && <ErrorNotice title={failed} error={action.error} />}
      {!conflict && (
        <div class="dialog-actions">
          <Button autofocus onClick={onEnd}>
            Cancel
          </Button>
          <Button kind={kind === 'delete' ? 'danger' : 'primary'} busy={action.busy} onClick={() => void action.run()}>
            {action.error ? 'Try again' : act}
          </Button>
        </div>
      )}
    </Dialog>
  );
}
