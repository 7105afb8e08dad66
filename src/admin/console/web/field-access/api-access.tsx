import type { ComponentChildren } from 'preact';
import type { Permission } from '../api/types';
import { useApp } from '../context';
import { featuresOf } from '../features';
import { listed } from '../format';
import { Icon } from '../ui/icon';
import { splitMetrics } from './access-checks';
import type { AccessReportProps } from './access-report';
import { Denial } from './denial';

function Answer({ yes, children }: { readonly yes: boolean; readonly children: ComponentChildren }) {
  return (
    <span class={yes ? 'answer yes' : 'answer no'}>
      <Icon name={yes ? 'check' : 'cross'} />
      <span>{children}</span>
    </span>
  );
}

/** Explicit roles below, because narrow screens show rows as blocks, which browsers do not treat as a table. */
const COLUMNS = ['Key', 'Project', 'Result'] as const;

interface FieldRowProps {
  readonly field: string;
  /** Names of the metrics in question. */
  readonly names?: string;
  readonly allowed: boolean;
  readonly enabled: boolean;
}

/** Whether responses contain a field, and which of the two conditions is not met. */
function FieldRow({ field, names, allowed, enabled }: FieldRowProps) {
  const unmet = [...(allowed ? [] : ['the key']), ...(enabled ? [] : ['the project'])];
  return (
    <tr role="row">
      <th scope="row" role="rowheader">
        {field}
        {names && <span class="hint">{names}</span>}
      </th>
      <td role="cell" data-label={COLUMNS[0]}>
        <Answer yes={allowed}>{allowed ? 'Allowed' : 'Denied'}</Answer>
      </td>
      <td role="cell" data-label={COLUMNS[1]}>
        <Answer yes={enabled}>{enabled ? 'Enabled' : 'Not enabled'}</Answer>
      </td>
      <td role="cell" data-label={COLUMNS[2]}>
        <Answer yes={unmet.length === 0}>
          <strong>{unmet.length === 0 ? 'In responses' : `Missing because of ${listed(unmet)}`}</strong>
        </Answer>
      </td>
    </tr>
  );
}

export interface ApiAccessProps extends AccessReportProps {
  readonly permission: Permission;
  /** True if requests to all APIs are denied. */
  readonly denied: boolean;
}

/** Access to the API of one permission. Fields are listed only if its responses contain features. */
export function ApiAccess({ permission, denied, ...props }: ApiAccessProps) {
  const { metrics: known } = useApp();
  const { name, label, description } = permission;
  const { transcript, metrics } = props.configuration;
  const permitted = props.item.permissions.includes(name);
  const allowed = permitted && !denied;
  const { enabled, others } = splitMetrics(metrics, known);
  const features = featuresOf(permission);
  return (
    <section class="card access" data-permission={name}>
      <header>
        <div>
          <h2>{label}</h2>
          {description && <p class="muted">{description}</p>}
        </div>
        <Answer yes={allowed}>
          <strong>{allowed ? 'Requests are allowed' : 'Requests are denied'}</strong>
        </Answer>
      </header>
      {!permitted && (
        <ul class="denials">
          <Denial code="permission_denied" label={label} {...props} />
        </ul>
      )}
      {features.length > 0 && (
        <table role="table">
          <thead role="rowgroup">
            <tr role="row">
              {['Field', ...COLUMNS].map((column) => (
                <th key={column} scope="col" role="columnheader">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {features.includes('transcript') && <FieldRow field="Transcript" allowed={allowed} enabled={transcript} />}
            {features.includes('metrics') && enabled.length > 0 && metrics !== 'all' && (
              <FieldRow field="Metrics" names={enabled.join(', ')} allowed={allowed} enabled />
            )}
            {features.includes('metrics') && (
              <FieldRow
                field={metrics === 'all' || enabled.length === 0 ? 'All metrics' : 'Other metrics'}
                names={metrics === 'all' ? '' : others.join(', ')}
                allowed={allowed}
                enabled={metrics === 'all'}
              />
            )}
          </tbody>
        </table>
      )}
    </section>
  );
}
