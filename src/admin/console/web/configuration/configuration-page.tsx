import { useState } from 'preact/hooks';
import * as calls from '../api/calls';
import type { Agent, Configuration } from '../api/types';
import { useApp } from '../context';
import { counted } from '../format';
import { Button } from '../ui/button';
import { FailureNote } from '../ui/error-notice';
import { Icon } from '../ui/icon';
import { PageHead } from '../ui/page-head';
import { useLoad } from '../use-load';
import { ProjectCard } from './project-card';

/** More cards than that are found by typing. */
const SHOWN = 30;

interface Project {
  readonly id: string;
  readonly name: string;
  readonly configuration: Configuration | undefined;
}

/** The projects that the app has named, then those that are configured besides, then the one that was asked for. */
function projectsOf(
  agents: readonly Agent[],
  configured: readonly Configuration[],
  more: readonly string[],
): Project[] {
  const byId = new Map(configured.map((each) => [each.projectId, each]));
  const names = new Map<string, string>(agents.map(({ id, name }) => [id, name]));
  for (const id of [...byId.keys(), ...more]) if (!names.has(id)) names.set(id, id);
  return [...names].map(([id, name]) => ({ id, name, configuration: byId.get(id) }));
}

export function ConfigurationPage({ params }: { readonly params: Readonly<Record<string, string>> }) {
  const { agents, session } = useApp();
  const { data, failure, loading, reload } = useLoad('projects', calls.listConfigurations);
  const [text, setText] = useState(params.project ?? '');
  const [added, setAdded] = useState<readonly string[]>(params.project ? [params.project] : []);
  const wanted = text.trim().toLowerCase();
  const all = data ? projectsOf(agents, data, added) : [];
  const found = all.filter(({ id, name }) => id.toLowerCase().includes(wanted) || name.toLowerCase().includes(wanted));
  const isNew = wanted !== '' && !all.some(({ id }) => id === text.trim());

  return (
    <main>
      <PageHead
        title="Configuration"
        lead="What each project lets out in API responses. A field comes out only if the project enables it here and the key has the permission."
      />
      <search class="toolbar">
        <label class="search">
          <Icon name="search" />
          <span class="visually-hidden">Find a project, or type the id of another one</span>
          <input
            type="search"
            placeholder="Find a project"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
      </search>
      {failure && (
        <FailureNote
          what="The configurations could not be read."
          failure={failure}
          signInUrl={session.signInUrl}
          onRetry={reload}
        />
      )}
      {!data && loading && <p class="loading">Loading projects …</p>}
      <div class="cards">
        {found.slice(0, SHOWN).map(({ id, name, configuration }) => (
          <ProjectCard key={id} id={id} name={name} stored={configuration} />
        ))}
      </div>
      {found.length > SHOWN && <p class="hint">and {counted(found.length - SHOWN, 'other')}: type to find them.</p>}
      {data && found.length === 0 && !isNew && (
        <div class="empty">
          <Icon name="sliders" />
          <p>There are no projects to configure yet. Type the id of one above.</p>
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
