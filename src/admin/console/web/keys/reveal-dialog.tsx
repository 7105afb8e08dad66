import { useCallback, useEffect, useState } from 'preact/hooks';
import type { Created } from '../api/types';
import { useApp } from '../context';
import { useLeaveGuard } from '../page-route';
import { Button } from '../ui/button';
import { CopyButton } from '../ui/copy-button';
import { Dialog } from '../ui/dialog';
import { Note } from '../ui/notice';
import { curlLine, download, envLine, fileName } from './token-text';

export interface RevealDialogProps {
  readonly created: Created;
  /** Closes it, and with it the last place where the token is. */
  onEnd(): void;
}

/** Whether it has been saved, asked of whoever leaves without having copied it. */
function Ask({ onStay, onLeave }: { onStay(): void; onLeave(): void }) {
  return (
    <div class="note warning ask" role="alertdialog" aria-labelledby="ask-title" aria-describedby="ask-text">
      <div>
        <p id="ask-title">
          <strong>Have you saved the key?</strong>
        </p>
        <p id="ask-text">It has not been copied or downloaded here, and it cannot be shown again.</p>
        <div class="dialog-actions">
          <Button autofocus onClick={onStay}>
            Go back to it
          </Button>
          <Button kind="danger" onClick={onLeave}>
            I have saved it
          </Button>
        </div>
      </div>
    </div>
  );
}

/** The token, for the first and last time. */
export function RevealDialog({ created: { key, token }, onEnd }: RevealDialogProps) {
  const { session } = useApp();
  const [saved, setSaved] = useState(false);
  const [asking, setAsking] = useState<{ goOn: () => void } | null>(null);
  const ask = useCallback((goOn: () => void) => setAsking({ goOn }), []);
  useLeaveGuard(!saved, ask);
  const curl = curlLine(session.exampleUrl, session.keyHeader, token);
  const onSaved = () => setSaved(true);

  function leave(): void {
    if (saved) onEnd();
    else setAsking({ goOn: () => undefined });
  }
  useEffect(() => {
    if (asking) document.querySelector<HTMLElement>('.ask button')?.focus();
  }, [asking]);

  return (
    <Dialog title="Save your key" wide onDismiss={leave}>
      <Note kind="warning">
        <p>
          <strong>This is the only time the key is shown.</strong> Copy it now and keep it where you keep passwords. If
          it gets lost, make another one.
        </p>
      </Note>
      <div class="field">
        <label for="token">
          Key of “<bdi>{key.name}</bdi>”
        </label>
        <div class="token">
          <input
            id="token"
            type="text"
            readOnly
            spellcheck={false}
            autocomplete="off"
            value={token}
            onFocus={(event) => event.currentTarget.select()}
            onCopy={onSaved}
          />
          <CopyButton text={token} label="Copy the key" word="Copy" primary onCopied={onSaved} />
        </div>
      </div>
      <p>
        <Button
          icon="download"
          onClick={() => {
            download(fileName(key.name), envLine(token));
            onSaved();
          }}
        >
          Download as .env
        </Button>
      </p>
      <h3>Try it</h3>
      <div class="code">
        <pre>{curl}</pre>
        <CopyButton text={curl} label="Copy the curl line" word="Copy" onCopied={onSaved} />
      </div>
      {session.exampleUrl === null && <p class="hint">Put a URL of your API in place of the example.</p>}
      {asking ? (
        <Ask
          onStay={() => setAsking(null)}
          onLeave={() => {
            setSaved(true);
            onEnd();
            // Once the guard is gone.
            setTimeout(asking.goOn);
          }}
        />
      ) : (
        <div class="dialog-actions">
          <Button kind={saved ? 'primary' : undefined} onClick={leave}>
            Done
          </Button>
        </div>
      )}
    </Dialog>
  );
}
