import { useEffect, useState } from 'preact/hooks';
import * as calls from '../api/calls';
import type { Key } from '../api/types';
import { changeParams, type PageName, type Params } from '../page-route';

/** A change that the operator has begun. */
export type KeyTask =
  | { readonly kind: (typeof KINDS_WITHOUT_KEY)[number] }
  | { readonly kind: (typeof KINDS)[number]; readonly item: Key };

const KINDS_WITHOUT_KEY = ['create', 'report', 'offboard', 'change-all'] as const;
const KINDS = ['edit', 'rotate', 'enable', 'disable', 'leaked', 'delete'] as const;

function readTask(name: string, item: Key | null): KeyTask | null {
  const single = KINDS_WITHOUT_KEY.find((each) => each === name);
  if (single !== undefined) return { kind: single };
  const kind = KINDS.find((each) => each === name);
  return kind !== undefined && item !== null ? { kind, item } : null;
}

/**
 * The open dialog of a page. It is in the URL, as `dialog=edit:<id>` or `dialog=create`, so that a reload opens it again.
 *
 * @param known Keys that the page has loaded. Others are read.
 */
export function useTask(page: PageName, params: Params, known: readonly Key[] | undefined) {
  const { dialog = '' } = params;
  const [name = '', id] = dialog.split(/:(.*)/s, 2);
  const [item, setItem] = useState<Key | null>(null);

  function show(text: string | undefined): void {
    changeParams(page, { dialog: text });
  }
  useEffect(() => {
    if (id === undefined || item?.id === id) return;
    const found = known?.find((key) => key.id === id);
    if (found) {
      setItem(found);
      return;
    }
    let isCurrent = true;
    calls.getKey(id).then(
      (key) => isCurrent && setItem(key),
      () => isCurrent && show(undefined),
    );
    return () => {
      isCurrent = false;
    };
  }, [id]);

  function open(task: KeyTask): void {
    setItem('item' in task ? task.item : null);
    show('item' in task ? `${task.kind}:${task.item.id}` : task.kind);
  }
  function close(): void {
    setItem(null);
    show(undefined);
  }
  return { task: readTask(name, item?.id === id ? item : null), open, close };
}
