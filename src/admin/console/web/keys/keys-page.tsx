import { useEffect, useRef, useState } from 'preact/hooks';
import { asFailure, type Failure } from '../api/api-error';
import * as calls from '../api/calls';
import type { Key, Sort, Usage } from '../api/types';
import { useApp } from '../context';
import { Button } from '../ui/button';
import { FailureNote } from '../ui/error-notice';
import { Icon } from '../ui/icon';
import { PageHead } from '../ui/page-head';
import { useLoad } from '../use-load';
import { KeyDialogs, type KeyTask } from './key-dialogs';
import { KeyRow } from './key-row';

const PAGE = 50;
const TYPING = 250;

const SORTS: readonly { value: Sort; label: string }[] = [
  { value: 'created', label: 'Newest first' },
  { value: 'name', label: 'Name' },
  { value: 'expires', label: 'Expiring first' },
];

/** Text as it is once somebody has stopped typing for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), TYPING);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

/** How these keys were used; empty until it is known. That it cannot be had keeps nobody from managing keys. */
function useUsage(keys: readonly Key[] | undefined): { by: ReadonlyMap<string, Usage>; failure: Failure | null } {
  const [state, setState] = useState<{ by: ReadonlyMap<string, Usage>; failure: Failure | null }>({
    by: new Map(),
    failure: null,
  });
  const ids = keys?.map(({ id }) => id).join(',') ?? '';
  useEffect(() => {
    if (ids === '') return;
    const controller = new AbortController();
    calls.getUsage(ids.split(','), controller.signal).then(
      (usage) => setState({ by: new Map(usage.map((each) => [each.keyId, each])), failure: null }),
      (error: unknown) => {
        if (!controller.signal.aborted) setState(({ by }) => ({ by, failure: asFailure(error) }));
      },
    );
    return () => controller.abort();
  }, [ids]);
  return state;
}

export function KeysPage() {
  const { session, toast } = useApp();
  const [text, setText] = useState('');
  const q = useSettled(text.trim());
  const [sort, setSort] = useState<Sort>('created');
  /** The cursors that led here: one for each page before this one. */
  const [trail, setTrail] = useState<readonly string[]>([]);
  const [task, setTask] = useState<KeyTask | null>(null);
  const cursor = trail.at(-1) ?? null;
  const list = useLoad(JSON.stringify([q, sort, cursor]), (signal) =>
    calls.listKeys({ q, sort, cursor, limit: PAGE }, signal),
  );
  const keys = list.data?.keys;
  const usage = useUsage(keys);
  const head = useRef<HTMLHeadingElement>(null);

  // Another search or order begins with its own first page.
  useEffect(() => setTrail([]), [q, sort]);

  function goTo(next: readonly string[]): void {
    setTrail(next);
    head.current?.focus();
    scrollTo({ top: 0 });
  }
  function onChanged(id: string, key: Key | null): void {
    list.replace((page) => ({
      ...page,
      keys:
        key === null
          ? page.keys.filter((each) => each.id !== id)
          : page.keys.map((each) => (each.id === id ? key : each)),
    }));
  }
  function onCreated(): void {
    if (trail.length > 0) setTrail([]);
    list.reload();
  }

  return (
    <main>
      <PageHead title="API keys" lead="Keys let other programs use your API. Each one is shown once, when it is made.">
        {!session.readOnly && (
          <Button kind="primary" icon="plus" onClick={() => setTask({ kind: 'create' })}>
            Create key
          </Button>
        )}
      </PageHead>
      <search class="toolbar">
        <label class="search">
          <Icon name="search" />
          <span class="visually-hidden">Search keys by name</span>
          <input
            type="search"
            placeholder="Search by name"
            maxLength={100}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <label class="sort">
          <span>Sort</span>
          <select value={sort} onChange={(event) => setSort(event.currentTarget.value as Sort)}>
            {SORTS.map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
      </search>

      <h2 class="visually-hidden" tabIndex={-1} ref={head}>
        Keys
      </h2>
      {list.failure && (
        <FailureNote
          what="The keys could not be read."
          failure={list.failure}
          signInUrl={session.signInUrl}
          onRetry={list.reload}
        />
      )}
      {usage.failure && !list.failure && (
        <p class="hint">How the keys are used could not be read: {usage.failure.message}</p>
      )}
      {keys === undefined && list.loading && <p class="loading">Loading keys …</p>}
      {keys && keys.length > 0 && (
        <ul class={list.loading ? 'rows stale' : 'rows'} aria-busy={list.loading}>
          {keys.map((item) => (
            <KeyRow key={item.id} item={item} usage={usage.by.get(item.id)} onTask={setTask} />
          ))}
        </ul>
      )}
      {keys?.length === 0 && !list.loading && (
        <div class="empty">
          <Icon name={q === '' ? 'key' : 'search'} />
          {q === '' ? (
            <p>There are no keys yet{session.readOnly ? '.' : '. Create the first one to let a program in.'}</p>
          ) : (
            <p>
              No key’s name contains “<bdi>{q}</bdi>”.
            </p>
          )}
        </div>
      )}
      {(trail.length > 0 || list.data?.cursor) && (
        <nav class="pager" aria-label="Pages of keys">
          {trail.length > 0 && <Button onClick={() => goTo(trail.slice(0, -1))}>Previous</Button>}
          <span>Page {trail.length + 1}</span>
          {list.data?.cursor && <Button onClick={() => goTo([...trail, list.data?.cursor as string])}>Next</Button>}
        </nav>
      )}
      <p class="visually-hidden" role="status">
        {keys && !list.loading ? `${keys.length} keys on this page` : ''}
      </p>
      <KeyDialogs
        task={task}
        usage={task !== null && 'item' in task ? usage.by.get(task.item.id) : undefined}
        onEnd={() => setTask(null)}
        onChanged={(id, key) => {
          onChanged(id, key);
          if (key === null) toast('The key was deleted. It is refused from now on.');
        }}
        onCreated={onCreated}
      />
    </main>
  );
}
