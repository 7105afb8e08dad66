import { useState } from 'preact/hooks';
import { Failure } from '../api/api-error';
import * as calls from '../api/calls';
import type { Key, Usage } from '../api/types';
import { useApp } from '../context';
import { counted, describeAgents } from '../format';
import { Button } from '../ui/button';
import { Dialog } from '../ui/dialog';
import { FailureNote } from '../ui/error-notice';
import { When } from '../ui/relative-time';
import { useAction } from '../use-action';
import { useLoad } from '../use-load';
import { type Conflict, ConflictNote, readConflict } from './conflict';

const WORDS = {
  delete: {
    title: 'Delete API key',
    effect: 'will be refused from now on. This cannot be undone.',
    act: 'Delete key',
    failed: 'The key was not deleted.',
  },
  disable: {
    title: 'Disable API key',
    effect: 'will be refused until it is enabled again.',
    act: 'Disable key',
    failed: 'The key was not disabled.',
  },
  enable: {
    title: 'Enable API key',
    effect: 'will be let in again.',
    act: 'Enable key',
    failed: 'The key was not enabled.',
  },
} as const;

/** Who will notice. */
function Use({ item, usage }: { readonly item: Key; readonly usage: Usage | undefined }) {
  const { agents } = useApp();
  const loaded = useLoad(item.id, () => (usage ? Promise.resolve(usage) : calls.getKeyUsage(item.id)));
  const recent = loaded.data?.days.slice(-7).reduce((sum, { allowed, denied }) => sum + allowed + denied, 0) ?? 0;
  return (
    <dl class="facts">
      <dt>Last used</dt>
      <dd>
        {loaded.loading && 'Looking …'}
        {loaded.failure && 'Could not be found out. Take it for one that is in use.'}
        {loaded.data?.lastUsedAt === null && 'Never'}
        {loaded.data?.lastUsedAt && (
          <>
            <When time={loaded.data.lastUsedAt} />
            {recent > 0 && `, ${counted(recent, 'request')} in the last 7 days`}
          </>
        )}
      </dd>
      <dt>Made</dt>
      <dd>
        <When time={item.createdAt} />
        {item.createdBy !== null && (
          <>
            {' by '}
            <bdi>{item.createdBy}</bdi>
          </>
        )}
      </dd>
      <dt>Reaches</dt>
      <dd>
        <bdi>{describeAgents(item.agents, agents)}</bdi>
      </dd>
      <dt>Key</dt>
      <dd>
        <code>{item.masked}</code>
      </dd>
    </dl>
  );
}

export interface ConfirmDialogProps {
  readonly kind: keyof typeof WORDS;
  readonly item: Key;
  readonly usage: Usage | undefined;
  onEnd(): void;
  onChanged(id: string, key: Key | null): void;
}

export function ConfirmDialog({ kind, item, usage, onEnd, onChanged }: ConfirmDialogProps) {
  const { session, toast } = useApp();
  const [base, setBase] = useState(item);
  const [conflict, setConflict] = useState<Conflict | null>(null);
  const { title, effect, act, failed } = WORDS[kind];

  async function perform(): Promise<void> {
    if (kind === 'delete') {
      await calls.deleteKey(base.id, base.revision);
      onChanged(base.id, null);
    } else {
      onChanged(base.id, await calls.updateKey(base.id, { disabled: kind === 'disable' }, base.revision));
      toast(`“${base.name}” is ${kind}d. It holds within about a second.`);
    }
  }
  const action = useAction(async () => {
    try {
      await perform();
    } catch (error) {
      const { code } = error instanceof Failure ? error : { code: '' };
      if (code === 'precondition_failed') {
        const found = await readConflict(base);
        onChanged(base.id, found.now);
        return setConflict(found);
      }
      // Gone is what was wanted, whoever did it, and whether or not the first attempt was heard of.
      if (code !== 'key_not_found' || kind !== 'delete') throw error;
      onChanged(base.id, null);
    }
    onEnd();
  });

  return (
    <Dialog title={title} onDismiss={onEnd}>
      <p>
        Whoever sends the key “<bdi>{base.name}</bdi>” {effect}
      </p>
      <Use item={base} usage={usage} />
      {conflict && (
        <ConflictNote
          conflict={conflict}
          mine="Go on all the same"
          theirs="Leave it"
          onMine={() => {
            setBase(conflict.now);
            setConflict(null);
          }}
          onTheirs={onEnd}
        />
      )}
      {action.failure && <FailureNote what={failed} failure={action.failure} signInUrl={session.signInUrl} />}
      {!conflict && (
        <div class="dialog-actions">
          <Button autofocus onClick={onEnd}>
            Cancel
          </Button>
          <Button kind={kind === 'enable' ? 'primary' : 'danger'} busy={action.busy} onClick={() => void action.run()}>
            {action.failure ? 'Try again' : act}
          </Button>
        </div>
      )}
    </Dialog>
  );
}
