import * as calls from '../api/calls';
import type { Key } from '../api/types';
import { useApp } from '../context';
import { KeyBadges } from '../keys/key-badges';
import { KeyDialogs } from '../keys/key-dialogs';
import { useTask } from '../keys/use-task';
import { changeParams, type Params } from '../page-route';
import { LoadError } from '../ui/error-notice';
import { Icon } from '../ui/icon';
import { PageHead } from '../ui/page-head';
import { SelectKey, SelectProject } from '../ui/select-resource';
import { useLoad } from '../use-load';
import { AccessReport } from './access-report';

function hintText(keyId: string | undefined, projectId: string | undefined): string {
  if (keyId === undefined) return 'Choose the key of the request.';
  return projectId === undefined ? 'Choose the project whose data is missing.' : 'Loading …';
}

/** Explains why responses to a key lack fields of a project. */
export function FieldAccessPage({ params }: { readonly params: Params }) {
  const { session } = useApp();
  const { key: keyId, project: projectId } = params;
  const key = useLoad<Key | null>(`key ${keyId ?? ''}`, async () => (keyId ? calls.getKey(keyId) : null));
  const configuration = useLoad(`project ${projectId ?? ''}`, async () =>
    projectId ? calls.getConfiguration(projectId) : null,
  );
  const error = key.error ?? configuration.error;
  const found = key.data && key.data.id === keyId ? key.data : undefined;
  const enabled = projectId ? (configuration.data ?? undefined) : undefined;
  const { task, open, close } = useTask('why', params, found ? [found] : undefined);

  function choose(part: Record<string, string>): void {
    changeParams('why', part);
  }

  return (
    <main>
      <PageHead
        title="Why is a field missing?"
        lead="A response contains a field if two conditions are met: the key is allowed, and the project enables the field. Choose both to see which one is not met."
      />
      <div class="choose">
        <SelectKey chosen={found} onChoose={(id) => choose({ key: id })} />
        <SelectProject chosen={projectId} onChoose={(id) => choose({ project: id })} />
      </div>
      {key.error ? (
        <LoadError title="The key could not be read." of={key} />
      ) : (
        <LoadError title="The project could not be read." of={configuration} />
      )}
      {found && (
        <p class="about">
          <bdi>{found.name}</bdi> <KeyBadges item={found} /> <code>{found.masked}</code>
        </p>
      )}
      {found && enabled && projectId !== undefined ? (
        <AccessReport item={found} projectId={enabled.projectId} configuration={enabled} onTask={open} />
      ) : (
        !error && (
          <div class="empty">
            <Icon name="question" />
            <p>{hintText(keyId, projectId)}</p>
          </div>
        )
      )}
      <KeyDialogs task={session.readOnly ? null : task} onEnd={close} onChanged={key.reload} onCreated={key.reload} />
    </main>
  );
}
