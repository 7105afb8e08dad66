import { useId } from 'preact/hooks';
import type { Configuration } from '../api/types';
import { useApp } from '../context';
import { describeMetrics } from '../format';
import { hrefOf } from '../page-route';
import { Button } from '../ui/button';
import { FailureNote } from '../ui/error-notice';
import { MultiChoice } from '../ui/multi-choice';
import { type Features, useConfiguration } from './use-configuration';

export interface ProjectCardProps {
  readonly id: string;
  readonly name: string;
  readonly stored: Configuration | undefined;
}

const SAID = { saving: 'Saving …', saved: 'Saved', failed: 'Not saved' } as const;

function sentence(name: string, features: Features | null): string {
  if (features === null) return `The configuration of ${name} was cleared: nothing is enabled.`;
  return `${name}: transcript ${features.transcript ? 'on' : 'off'}, ${describeMetrics(features.metrics).toLowerCase() === 'all metrics' ? 'all metrics' : describeMetrics(features.metrics)}. It holds within about a second.`;
}

export function ProjectCard({ id, name, stored }: ProjectCardProps) {
  const { session, metrics: known, toast } = useApp();
  const key = useId();
  const { features, configured, state, failure, change, retry, discard } = useConfiguration(id, stored, (saved) =>
    toast(sentence(name, saved)),
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
        <p class={`saved ${state ?? ''}`}>{state === null ? !configured && 'Nothing enabled' : SAID[state]}</p>
      </header>

      <fieldset class="group">
        <legend>Response metrics</legend>
        <ul class="options compact">
          <li>
            <label>
              <input
                type="checkbox"
                checked={all}
                disabled={session.readOnly}
                onChange={() => change({ transcript, metrics: all ? [] : 'all' })}
              />
              <span>
                <strong>All metrics</strong>
                <span class="hint">Those that are added later, too.</span>
              </span>
            </label>
          </li>
        </ul>
        {!all && (
          <MultiChoice
            choices={known.map((metric) => ({ value: metric, label: metric }))}
            selected={metrics}
            noun="metric"
            disabled={session.readOnly}
            onChange={(chosen) => change({ transcript, metrics: chosen })}
          />
        )}
      </fieldset>

      <label class="switch">
        <span>
          <strong>Conversation transcript</strong>
          <span class="hint">What was said in each turn.</span>
        </span>
        <input
          type="checkbox"
          role="switch"
          checked={transcript}
          disabled={session.readOnly}
          onChange={() => change({ transcript: !transcript, metrics })}
        />
      </label>

      {failure && (
        <>
          <FailureNote
            what="The change was not saved."
            failure={failure}
            signInUrl={session.signInUrl}
            onRetry={retry}
          />
          <p>
            <Button onClick={discard}>Take the change back</Button>
          </p>
        </>
      )}
      <footer>
        <a href={hrefOf('why', { project: id })}>Why is a field missing?</a>
        {configured && !session.readOnly && (
          <Button icon="trash" onClick={() => change(null)}>
            Clear configuration settings
          </Button>
        )}
      </footer>
    </section>
  );
}
