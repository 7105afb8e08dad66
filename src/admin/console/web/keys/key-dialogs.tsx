import type { Key, Usage } from '../api/types';
import { ConfirmDialog } from './confirm-dialog';
import { CreateDialog } from './create-dialog';
import { EditDialog } from './edit-dialog';
import { RotateDialog } from './rotate-dialog';

/** What somebody has set out to do, with which key. */
export type KeyTask =
  | { readonly kind: 'create' }
  | { readonly kind: 'edit' | 'rotate' | 'enable' | 'disable' | 'delete'; readonly item: Key };

export interface KeyDialogsProps {
  readonly task: KeyTask | null;
  readonly usage?: Usage | undefined;
  /** Closes the dialog. */
  onEnd(): void;
  /** Something was changed, whether or not the dialog stays. `key` is how it is now; null once it is gone. */
  onChanged(id: string, key: Key | null): void;
  /** There is one more. */
  onCreated(): void;
}

export function KeyDialogs({ task, usage, onEnd, onChanged, onCreated }: KeyDialogsProps) {
  if (task === null) return null;
  switch (task.kind) {
    case 'create':
      return <CreateDialog onEnd={onEnd} onCreated={onCreated} />;
    case 'edit':
      return <EditDialog item={task.item} onEnd={onEnd} onChanged={onChanged} />;
    case 'rotate':
      return <RotateDialog item={task.item} onEnd={onEnd} onChanged={onCreated} />;
    default:
      return <ConfirmDialog kind={task.kind} item={task.item} usage={usage} onEnd={onEnd} onChanged={onChanged} />;
  }
}
