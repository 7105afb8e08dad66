import { useState } from 'preact/hooks';
import * as calls from '../api/calls';
import type { Agent, Configuration } from '../api/types';
import { useApp } from '../context';
import { counted } from '../format';
import { changeParams, type Params } from '../page-route';
import { Button } from '../ui/button';
import { LoadError } from '../ui/error-notice';
import { Icon } from '../ui/icon';
import { PageHead } from '../ui/page-head';
import { Skeleton } from '../ui/skeleton';
import { useDebounced } from '../use-debounced';
import { useLoad } from '../use-load';
import { ProjectCard } from './project-card';

/** Cards on the page. Typing finds the rest. */
const SHOWN = 30;

interface Project {
  readonly id: string;
  readonly name: string;
  readonly configuration: Configuration | undefined;
}

/** The projects that the app has named, then other configured ones, then the added ones. */
function projectsOf(
  agents: readonly Agent[],
  configured: readonly Configuration[],
  added: readonly string[],
): Project[] {
  const byId = new Map(configured.map((each) => [each.projectId, each]));
  const names = new Map<string, string>(agents.map(({ id, name }) => [id, name]));
  for (const id of [...byId.keys(), ...added]) if (!names.has(id)) names.set(id, id);
  return [...names].map(([id, name]) => ({ id, name, configuration: byId.get(id) }));
}

export function ConfigurationPage({ params }: { readonly params: Params }) {
  const { agents, session } = useApp();
  const { project = '' } = params;
  const stored = useLoad('projects', calls.listConfigurations);
  const { data } = stored;
  const [text, setText] = useDebounced(project, (settled) => changeParams('configuration', { project: settled }));
  const allowsOthers = session.allowsOtherAgents !== false;
  const [added, setAdded] = useState<readonly string[]>(project && allowsOthers ? [project] : []);
  const wanted = text.trim().toLowerCase();
  const all = data ? projectsOf(agents, data, added) : [];
  const found = all.filter(({ id, name }) => id.toLowerCase().includes(wanted) || name.toLowerCase().includes(wanted));
  const isNew = allowsOthers && wanted !== '' && !all.some(({ id }) => id === text.trim());

  return (
    <main>
      <PageHead
        title="Configuration"
        lead="Fields that each project enables in API responses. A response contains a field if the project enables it and the key has the permission."
      />
      <search class="toolbar">
        <label class="search">
          <Icon name="search" />
          <span class="visually-hidden">Find a project by name or id</span>
          <input
            type="search"
            placeholder="Find a project by name or id"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        {data && <p class="muted amount">{counted(found.length, 'project')}</p>}
      </search>
      <LoadError title="The configurations could not be read." of={stored} />
      {!data && stored.loading && <Skeleton label="Loading projects" />}
      <div class="cards">
        {found.slice(0, SHOWN).map(({ id, name, configuration }) => (
          <ProjectCard key={id} id={id} name={name} stored={configuration} />
        ))}
      </div>
      {found.length > SHOWN && <p class="hint">and {counted(found.length - SHOWN, 'other')}: type to find them.</p>}
      {data && found.length === 0 && !isNew && (
        <div class="empty">
          <Icon name="sliders" />
          <p>
            {wanted === ''
              ? `There are no projects yet.${allowsOthers ? ' Type the id of one above.' : ''}`
              : 'No project matches.'}
          </p>
        </div>
      )}
      {data && isNew && !session.readOnly && (
        <Button icon="plus" onClick={() => setAdded((now) => [...now, text.trim()])}>
          Configure “<bdi>{text.trim()}</bdi>”
        </Button>
      )}
    </main>
  );
}
