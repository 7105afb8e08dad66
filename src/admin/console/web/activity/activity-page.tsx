import { useApp } from '../context';
import { changeParams, type Params } from '../page-route';
import { Button } from '../ui/button';
import { PageHead } from '../ui/page-head';
import { useDebounced } from '../use-debounced';
import { AuditLog } from './audit-log';
import { ACTIONS } from './audit-log-entry';

export function ActivityPage({ params }: { readonly params: Params }) {
  const { session } = useApp();
  const { action = '', actor = '', target = '' } = params;

  function filter(part: Record<string, string | undefined>): void {
    changeParams('activity', part);
  }
  const [actorText, setActorText] = useDebounced(actor, (text) => filter({ actor: text }));
  const [targetText, setTargetText] = useDebounced(target, (text) => filter({ target: text }));

  return (
    <main>
      <PageHead
        title="Activity"
        lead={`Changes of keys and projects in the workspace ${session.workspaceName ?? session.workspaceId}.`}
      />
      <search class="toolbar filters">
        <label>
          <span>Action</span>
          <select value={action} onChange={(event) => filter({ action: event.currentTarget.value })}>
            <option value="">All actions</option>
            {Object.entries(ACTIONS).map(([name, { label }]) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>Changed by</span>
          <input
            type="search"
            maxLength={200}
            placeholder="name@example.com"
            value={actorText}
            onInput={(event) => setActorText(event.currentTarget.value)}
          />
        </label>
        <label>
          <span>Key or project id</span>
          <input
            type="search"
            maxLength={128}
            value={targetText}
            onInput={(event) => setTargetText(event.currentTarget.value)}
          />
        </label>
        {(action || actor || target) && (
          <Button onClick={() => filter({ action: '', actor: '', target: '' })}>Clear filters</Button>
        )}
      </search>
      <h2 class="visually-hidden">Changes</h2>
      <AuditLog filters={{ action, actor, target }} />
    </main>
  );
}
