import { useEffect, useState } from 'preact/hooks';
import { Failure } from '../api/api-error';
import * as calls from '../api/calls';
import type { Key, Usage } from '../api/types';
import { useApp } from '../context';
import { KeyBadges } from '../keys/key-name';
import { replaceParams } from '../page-route';
import { Button } from '../ui/button';
import { FailureNote } from '../ui/error-notice';
import { PageHead } from '../ui/page-head';
import { KeyChooser } from '../ui/select-resource';
import { useLoad } from '../use-load';
import { Trail } from './audit-log';
import { ACTIONS } from './audit-log-entry';
import { UsageChart } from './usage-chart';

const TYPING = 300;

/** A key and its use; null where the key is gone, of which the trail still tells. */
async function readKey(id: string | undefined): Promise<{ key: Key; usage: Usage } | null> {
  if (id === undefined) return null;
  try {
    const [key, usage] = await Promise.all([calls.getKey(id), calls.getKeyUsage(id)]);
    return { key, usage };
  } catch (error) {
    if (error instanceof Failure && error.code === 'key_not_found') return null;
    throw error;
  }
}

function useTyped(value: string, onSettled: (text: string) => void): [string, (text: string) => void] {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  // Only what was typed begins the wait.
  useEffect(() => {
    if (text.trim() === value) return;
    const timer = setTimeout(() => onSettled(text.trim()), TYPING);
    return () => clearTimeout(timer);
  }, [text]);
  return [text, setText];
}

export function ActivityPage({ params }: { readonly params: Readonly<Record<string, string>> }) {
  const { session } = useApp();
  const { key: keyId, action = '', actor = '', target = '' } = params;
  const shown = useLoad(`key ${keyId ?? ''}`, () => readKey(keyId));
  const current = shown.data && shown.data.key.id === keyId ? shown.data : null;

  function filter(part: Record<string, string | undefined>): void {
    replaceParams('activity', { key: keyId, action, actor, target, ...part });
  }
  const [actorText, setActorText] = useTyped(actor, (text) => filter({ actor: text }));
  const [targetText, setTargetText] = useTyped(target, (text) => filter({ target: text }));
  const isFiltered = Boolean(keyId || action || actor || target);

  return (
    <main>
      <PageHead title="Activity" lead="Who changed what, and how keys are used." />
      <section class="card" aria-labelledby="usage-title">
        <h2 id="usage-title">Usage of a key</h2>
        <KeyChooser chosen={current?.key} onChoose={(id) => filter({ key: id, target: undefined })} />
        {shown.failure && (
          <FailureNote
            what="The usage could not be read."
            failure={shown.failure}
            signInUrl={session.signInUrl}
            onRetry={shown.reload}
          />
        )}
        {current && (
          <>
            <p class="about">
              <bdi>{current.key.name}</bdi> <KeyBadges item={current.key} /> <code>{current.key.masked}</code>
            </p>
            <UsageChart usage={current.usage} />
          </>
        )}
        {keyId !== undefined && !current && !shown.loading && !shown.failure && (
          <p class="hint">This key has been deleted. What was done with it stands below.</p>
        )}
      </section>

      <h2 id="trail-title">Changes{keyId ? ' to this key' : ''}</h2>
      <search class="toolbar filters" aria-labelledby="trail-title">
        <label>
          <span>What</span>
          <select value={action} onChange={(event) => filter({ action: event.currentTarget.value })}>
            <option value="">Everything</option>
            {Object.entries(ACTIONS).map(([name, { label }]) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>Who, exactly</span>
          <input
            type="search"
            maxLength={200}
            value={actorText}
            onInput={(event) => setActorText(event.currentTarget.value)}
          />
        </label>
        {keyId === undefined && (
          <label>
            <span>Key or project id</span>
            <input
              type="search"
              maxLength={128}
              value={targetText}
              onInput={(event) => setTargetText(event.currentTarget.value)}
            />
          </label>
        )}
        {isFiltered && (
          <Button onClick={() => filter({ key: undefined, action: '', actor: '', target: '' })}>Show everything</Button>
        )}
      </search>
      <Trail filters={{ action, actor, target: keyId ?? target }} />
    </main>
  );
}
