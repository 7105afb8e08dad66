import { useRef, useState } from 'preact/hooks';
import * as calls from '../api/calls';
import type { Key, KeyPage, Sort } from '../api/types';
import { useApp } from '../context';
import { counted } from '../format';
import { changeParams, type Params } from '../page-route';
import { Button } from '../ui/button';
import { LoadError } from '../ui/error-notice';
import { Icon } from '../ui/icon';
import { PageHead } from '../ui/page-head';
import { Skeleton } from '../ui/skeleton';
import { useShortcut } from '../ui/use-shortcut';
import { useDebounced } from '../use-debounced';
import { useLoad } from '../use-load';
import { FirstKey } from './first-key';
import { KeyDialogs } from './key-dialogs';
import { filtersOf, KeyFilterFields, NO_FILTERS } from './key-filters';
import { KeyRow } from './key-row';
import { Pager, usePager } from './pager';
import { useTask } from './use-task';
import { useUsage } from './use-usage';

const PAGE_SIZE = 50;

const SORTS: readonly { value: Sort; label: string }[] = [
  { value: 'created', label: 'Newest first' },
  { value: 'name', label: 'Name' },
  { value: 'expires', label: 'Expires first' },
];

const COLUMNS = [
  { name: 'name', label: 'Name' },
  { name: 'masked', label: 'Token' },
  { name: 'permissions', label: 'Permissions' },
  { name: 'agents', label: 'Agents' },
  { name: 'expires', label: 'Expires' },
  { name: 'used', label: 'Last used' },
  { name: 'usage', label: '30 days' },
] as const;

function amountText(page: KeyPage | undefined, isSelected: boolean): string {
  const shown = page?.keys.length ?? 0;
  const total = isSelected ? page?.matching : page?.total;
  if (typeof total === 'number') return total === 0 ? 'No keys' : counted(total, 'key');
  return shown === 0 ? 'No keys' : `${counted(shown, 'key')} on this page`;
}

export function KeysPage({ params }: { readonly params: Params }) {
  const { session, toast } = useApp();
  const { q = '', cursor } = params;
  const sort = SORTS.find(({ value }) => value === params.sort)?.value ?? 'created';
  const filters = filtersOf(params);
  const filterCount = Object.keys(filters).length;
  const [showsFilters, setShowsFilters] = useState(filterCount > 0);
  const list = useLoad(JSON.stringify([q, sort, cursor, filters]), (signal) =>
    calls.findKeys({ q, sort, ...filters, cursor: cursor ?? null, limit: PAGE_SIZE }, signal),
  );
  const keys = list.data?.keys;
  const usage = useUsage(keys);
  const { task, open, close } = useTask('keys', params, keys);
  const head = useRef<HTMLHeadingElement>(null);
  const search = useRef<HTMLInputElement>(null);

  /** Another search or order begins with its first page. */
  function show(part: Record<string, string | undefined>): void {
    changeParams('keys', { cursor: undefined, page: undefined, ...part });
  }
  const [text, setText] = useDebounced(q, (settled) => show({ q: settled }));
  const pager = usePager(params, list.data?.cursor ?? null);
  useShortcut('/', () => search.current?.focus());
  useShortcut('c', session.readOnly ? undefined : () => open({ kind: 'create' }));

  function onChanged(id: string, key: Key | null): void {
    list.replace((page) => ({
      ...page,
      ...(page.total !== undefined && { total: page.total - (key === null ? 1 : 0) }),
      keys:
        key === null
          ? page.keys.filter((each) => each.id !== id)
          : page.keys.map((each) => (each.id === id ? key : each)),
    }));
    if (key === null) toast('The key was deleted. Requests with it are denied.');
  }
  const isEmpty = keys?.length === 0 && !list.loading;
  const isSelected = q !== '' || filterCount > 0;
  const amount = amountText(list.data, isSelected);

  return (
    <main>
      <PageHead
        title="API keys"
        lead="A key lets a program call your API. Its token is shown once, when it is created."
      >
        {!session.readOnly && (
          <div class="page-actions">
            <Button icon="warning" onClick={() => open({ kind: 'report' })}>
              Report a leak
            </Button>
            <Button icon="userOff" onClick={() => open({ kind: 'offboard' })}>
              Revoke by owner
            </Button>
            <Button kind="primary" icon="plus" onClick={() => open({ kind: 'create' })}>
              Create key
            </Button>
          </div>
        )}
      </PageHead>
      <search class="toolbar">
        <label class="search">
          <Icon name="search" />
          <span class="visually-hidden">Search keys by name, id or masked token</span>
          <input
            ref={search}
            type="search"
            placeholder="Search by name, id or masked token"
            maxLength={100}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <label class="sort">
          <span>Sort</span>
          <select value={sort} onChange={(event) => show({ sort: event.currentTarget.value })}>
            {SORTS.map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <Button
          icon="filter"
          expanded={showsFilters}
          controls="key-filters"
          onClick={() => setShowsFilters((now) => !now)}
        >
          {filterCount === 0 ? 'Filters' : `Filters (${filterCount})`}
        </Button>
        <p class="muted amount" role="status">
          {keys && !list.loading && <span key={amount}>{amount}</span>}
        </p>
      </search>
      {showsFilters && <KeyFilterFields filters={filters} onChange={show} />}
      {isSelected && !session.readOnly && keys && keys.length > 0 && (
        <p class="all-matching">
          <Button onClick={() => open({ kind: 'change-all' })}>Disable or delete all that match …</Button>
        </p>
      )}

      <h2 class="visually-hidden" tabIndex={-1} ref={head}>
        Keys
      </h2>
      <LoadError title="The keys could not be read." of={list} />
      {usage.error && !list.error && <p class="hint">The usage could not be read: {usage.error.message}</p>}
      {keys === undefined && list.loading && <Skeleton label="Loading keys" lines={8} />}
      {keys && keys.length > 0 && (
        <table role="table" class={list.loading ? 'keys stale' : 'keys'} aria-busy={list.loading}>
          <thead role="rowgroup">
            <tr role="row">
              {COLUMNS.map(({ name, label }) => (
                <th key={name} scope="col" role="columnheader" class={`cell-${name}`}>
                  {label}
                </th>
              ))}
              <th scope="col" role="columnheader" class="cell-actions">
                <span class="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody role="rowgroup">
            {keys.map((item) => (
              <KeyRow key={item.id} item={item} usage={usage.byId.get(item.id)} onTask={open} />
            ))}
          </tbody>
        </table>
      )}
      {isEmpty && !isSelected && <FirstKey onCreate={() => open({ kind: 'create' })} />}
      {isEmpty && isSelected && (
        <div class="empty">
          <Icon name="search" />
          <p key={q}>
            {q === '' ? (
              'No key matches the filters.'
            ) : (
              <>
                No key matches “<bdi>{q}</bdi>”{filterCount > 0 && ' and the filters'}.
              </>
            )}
          </p>
          <Button onClick={() => show({ q: undefined, ...NO_FILTERS })}>Show all keys</Button>
        </div>
      )}
      <Pager
        pager={pager}
        onGo={() => {
          head.current?.focus();
          scrollTo({ top: 0 });
        }}
      />
      <KeyDialogs
        task={session.readOnly ? null : task}
        usage={task !== null && 'item' in task ? usage.byId.get(task.item.id) : undefined}
        selection={isSelected ? { ...(q !== '' && { q }), ...filters } : null}
        onEnd={close}
        onChanged={onChanged}
        onCreated={list.reload}
      />
    </main>
  );
}
