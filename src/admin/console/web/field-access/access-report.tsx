import type { Configuration, Key } from '../api/types';
import { useApp } from '../context';
import { agentName } from '../format';
import type { KeyTask } from '../keys/use-task';
import { hrefOf } from '../page-route';
import { generalDenials } from './access-checks';
import { ApiAccess } from './api-access';
import { Denial } from './denial';

export interface AccessReportProps {
  readonly item: Key;
  readonly projectId: string;
  readonly configuration: Configuration;
  onTask(task: KeyTask): void;
}

/** For each API: whether requests with the key are allowed, and which fields of the project its responses contain. */
export function AccessReport(props: AccessReportProps) {
  const { permissions, agents } = useApp();
  const { item, projectId, configuration } = props;
  const general = generalDenials(item, projectId, Date.now());
  const isPartial = !configuration.transcript || configuration.metrics !== 'all';
  return (
    <>
      {general.length > 0 && (
        <ul class="denials general" aria-label="Reasons why all requests are denied">
          {general.map((code) => (
            <Denial key={code} code={code} label="" {...props} />
          ))}
        </ul>
      )}
      {permissions.map((permission) => (
        <ApiAccess key={permission.name} permission={permission} denied={general.length > 0} {...props} />
      ))}
      <p class="note-line">
        {isPartial && (
          <>
            <bdi>{agentName(projectId, agents)}</bdi>{' '}
            {configuration.configured
              ? 'does not enable all fields.'
              : 'has no configuration: nothing is enabled.'}{' '}
          </>
        )}
        <a href={hrefOf('configuration', { project: projectId })}>Open the project’s configuration</a>
      </p>
      <p class="hint">
        Responses name the fields that the project has not enabled in the header <code>Redacted</code>.
      </p>
    </>
  );
}
