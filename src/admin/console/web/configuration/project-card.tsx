import { useId } from 'preact/hooks';
import type { Configuration } from '../api/types';
import { useApp } from '../context';
import { describeMetrics } from '../format';
import { hrefOf } from '../page-route';
import { Button } from '../ui/button';
import { ErrorNotice } from '../ui/error-notice';
import { MultiChoice } from '../ui/multi-choice';
import { useMetrics } from '../use-metrics';
import { type Features, useConfiguration } from './use-configuration';

export interface ProjectCardProps {
  readonly id: string;
  readonly name: string;
  readonly stored: Configuration | undefined;
}

const STATES = { saving: 'Saving …', saved: 'Saved', failed: 'Not saved' } as const;

function describeFeatures(name: string, features: Features | null): string {
  if (features === null) return `The configuration of ${name} was cleared: nothing is enabled.`;
  const { transcript, metrics } = features;
  return `${name}: transcript ${transcript ? 'on' : 'off'}, ${describeMetrics(metrics)}. This takes effect within a second.`;
}

export function ProjectCard({ id, name, stored }: ProjectCardProps) {
  const { session, toast } = useApp();
  const known = useMetrics(id);
  const key = useId();
  const { features, configured, state, error, change, retry, discard } = useConfiguration(id, stored, (saved, undo) =>
    toast(describeFeatures(name, saved), undo),
  );
  const { transcript, metrics } = features;
  const all = metrics === 'all';

  return (
    <section class="card" aria-labelledby={`${key}-name`} data-project={id}>
      <header>
        <div>
          <h2 id={`${key}-name`}>
            <bdi>{name}</bdi>
          </h2>
          {name !== id && (
            <p class="muted">
              <code>{id}</code>
            </p>
          )}
        </div>
        <p class={`saved ${state ?? ''}`}>{state === null ? !configured && 'Nothing enabled' : STATES[state]}</p>
      </header>

      <label class="switch">
        <span>
          <strong>Conversation transcript</strong>
          <span class="hint">The text of each turn.</span>
        </span>
        <input
          type="checkbox"
          role="switch"
          checked={transcript}
          disabled={session.readOnly}
          onChange={() => change({ transcript: !transcript, metrics })}
        />
      </label>
      <label class="switch">
        <span>
          <strong>All metrics</strong>
          <span class="hint">Includes metrics that are added later.</span>
        </span>
        <input
          type="checkbox"
          role="switch"
          checked={all}
          disabled={session.readOnly}
          onChange={() => change({ transcript, metrics: all ? [] : 'all' })}
        />
      </label>
      {!all && (
        <MultiChoice
          choices={known.map((metric) => ({ value: metric, label: metric }))}
          selected={metrics}
          noun="metric"
          disabled={session.readOnly}
          allowsOthers
          onChange={(chosen) => change({ transcript, metrics: chosen })}
        />
      )}

      {error && (
        <>
          <ErrorNotice title="The change was not saved." error={error} onRetry={retry} />
          <p>
            <Button onClick={discard}>Discard the change</Button>
          </p>
        </>
      )}
      <footer>
        <a href={hrefOf('why', { project: id })}>Why is a field missing?</a>
        {configured && !session.readOnly && (
          <Button icon="trash" onClick={() => change(null)}>
            Clear configuration
          </Button>
        )}
      </footer>
    </section>
  );
}
