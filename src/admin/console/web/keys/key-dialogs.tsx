import type { KeySelection } from '../api/calls';
import type { Key, Usage } from '../api/types';
import { ChangeAllDialog, OffboardDialog } from './change-all-dialog';
import { ConfirmDialog } from './confirm-dialog';
import { CreateDialog } from './create-dialog';
import { EditDialog } from './edit-dialog';
import { LeakDialog } from './leak-dialog';
import { RotateDialog } from './rotate-dialog';
import type { KeyTask } from './use-task';

export interface KeyDialogsProps {
  readonly task: KeyTask | null;
  readonly usage?: Usage | undefined;
  /** Keys of `change-all`. Null: all keys, which the console does not change at once. */
  readonly selection?: KeySelection | null;
  /** Closes the dialog. */
  onEnd(): void;
  /** Called after a change. `key` is the key as it is now, or null if it is deleted. The dialog may stay open. */
  onChanged(id: string, key: Key | null): void;
  /** Called when there is a new key, or keys may have changed. */
  onCreated(): void;
}

export function KeyDialogs({ task, usage, selection = null, onEnd, onChanged, onCreated }: KeyDialogsProps) {
  if (task === null) return null;
  switch (task.kind) {
    case 'create':
      return <CreateDialog onEnd={onEnd} onCreated={onCreated} />;
    case 'report':
      return <LeakDialog item={null} onEnd={onEnd} onReported={onCreated} />;
    case 'offboard':
      return <OffboardDialog onEnd={onEnd} onChanged={onCreated} />;
    case 'change-all':
      return selection && <ChangeAllDialog selection={selection} onEnd={onEnd} onChanged={onCreated} />;
    case 'leaked':
      return <LeakDialog item={task.item} onEnd={onEnd} onReported={onCreated} />;
    case 'edit':
      return <EditDialog item={task.item} onEnd={onEnd} onChanged={onChanged} />;
    case 'rotate':
      return <RotateDialog item={task.item} onEnd={onEnd} onChanged={onCreated} />;
    default:
      return <ConfirmDialog kind={task.kind} item={task.item} usage={usage} onEnd={onEnd} onChanged={onChanged} />;
  }
}
