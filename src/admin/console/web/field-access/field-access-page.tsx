import { useState } from 'preact/hooks';
import * as calls from '../api/calls';
import type { Key } from '../api/types';
import { useApp } from '../context';
import { KeyDialogs, type KeyTask } from '../keys/key-dialogs';
import { KeyBadges } from '../keys/key-name';
import { replaceParams } from '../page-route';
import { FailureNote } from '../ui/error-notice';
import { Icon } from '../ui/icon';
import { PageHead } from '../ui/page-head';
import { KeyChooser, ProjectChooser } from '../ui/select-resource';
import { useLoad } from '../use-load';
import { Verdicts } from './access-report';

export function WhyPage({ params }: { readonly params: Readonly<Record<string, string>> }) {
  const { session } = useApp();
  const { key: keyId, project: projectId } = params;
  const [task, setTask] = useState<KeyTask | null>(null);
  const key = useLoad<Key | null>(`key ${keyId ?? ''}`, async () => (keyId ? calls.getKey(keyId) : null));
  const configuration = useLoad(`project ${projectId ?? ''}`, async () =>
    projectId ? calls.getConfiguration(projectId) : null,
  );
  const failure = key.failure ?? configuration.failure;
  const found = key.data && key.data.id === keyId ? key.data : undefined;
  const enabled = configuration.data?.projectId === projectId ? configuration.data : undefined;

  function choose(part: Record<string, string>): void {
    replaceParams('why', { key: keyId, project: projectId, ...part });
  }

  return (
    <main>
      <PageHead
        title="Why is a field missing?"
        lead="Two conditions must be met for data to come out: the key is let in, and the project enables the field. Choose both to see which one stops it."
      />
      <div class="choose">
        <KeyChooser chosen={found} onChoose={(id) => choose({ key: id })} />
        <ProjectChooser chosen={projectId} onChoose={(id) => choose({ project: id })} />
      </div>
      {failure && (
        <FailureNote
          what={key.failure ? 'The key could not be read.' : 'The project could not be read.'}
          failure={failure}
          signInUrl={session.signInUrl}
          onRetry={key.failure ? key.reload : configuration.reload}
        />
      )}
      {found && (
        <p class="about">
          <bdi>{found.name}</bdi> <KeyBadges item={found} /> <code>{found.masked}</code>
        </p>
      )}
      {found && enabled && projectId !== undefined ? (
        <Verdicts item={found} projectId={projectId} configuration={enabled} onTask={setTask} />
      ) : (
        !failure && (
          <div class="empty">
            <Icon name="question" />
            <p>
              {keyId === undefined
                ? 'Choose the key that the request was sent with.'
                : projectId === undefined
                  ? 'Now choose the project whose data is missing.'
                  : 'Looking …'}
            </p>
          </div>
        )
      )}
      <KeyDialogs task={task} onEnd={() => setTask(null)} onChanged={key.reload} onCreated={key.reload} />
    </main>
  );
}
