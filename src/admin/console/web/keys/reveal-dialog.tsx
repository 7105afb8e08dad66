import { useCallback, useEffect, useState } from 'preact/hooks';
import type { Created } from '../api/types';
import { useApp } from '../context';
import { useLeaveGuard } from '../page-route';
import { Button } from '../ui/button';
import { CopyButton } from '../ui/copy-button';
import { Dialog } from '../ui/dialog';
import { Notice } from '../ui/notice';
import { curlLine, download, envLine, fileName } from './token-text';

export interface RevealDialogProps {
  readonly created: Created;
  /** Closes the dialog, which removes the last copy of the token. */
  onEnd(): void;
}

/** The question before the dialog closes, if the token was not copied or downloaded. */
function Ask({ onStay, onLeave }: { onStay(): void; onLeave(): void }) {
  return (
    <div class="note warning ask" role="alertdialog" aria-labelledby="ask-title" aria-describedby="ask-text">
      <div>
        <p id="ask-title">
          <strong>Have you saved the token?</strong>
        </p>
        <p id="ask-text">You have not copied or downloaded it, and it cannot be shown again.</p>
        <div class="dialog-actions">
          <Button autofocus onClick={onStay}>
            Go back
          </Button>
          <Button onClick={onLeave}>I have saved it</Button>
        </div>
      </div>
    </div>
  );
}

/** The token, which is shown once. */
export function RevealDialog({ created: { key, token }, onEnd }: RevealDialogProps) {
  const { session } = useApp();
  const [saved, setSaved] = useState<'copied' | 'downloaded' | null>(null);
  const [asking, setAsking] = useState<{ proceed: () => void } | null>(null);
  const ask = useCallback((proceed: () => void) => setAsking({ proceed }), []);
  useLeaveGuard(saved === null, ask);
  const curl = curlLine(session.exampleUrl, session.tokenExample, token);
  const onCopied = () => setSaved('copied');

  function leave(): void {
    if (saved) onEnd();
    else setAsking({ proceed: () => undefined });
  }
  useEffect(() => {
    if (asking) document.querySelector<HTMLElement>('.ask button')?.focus();
  }, [asking]);

  return (
    <Dialog title="Save the token" wide onDismiss={leave}>
      <Notice key={saved} kind={saved ? 'success' : 'warning'}>
        <p role="status">
          {saved ? (
            <>
              <strong>Token {saved}.</strong> It cannot be shown again after you close this dialog.
            </>
          ) : (
            <>
              <strong>This is the only time the token is shown.</strong> Copy it now and store it like a password. If
              you lose it, create another key.
            </>
          )}
        </p>
      </Notice>
      <div class="field">
        <label for="token">
          Token of “<bdi>{key.name}</bdi>”
        </label>
        <div class="token">
          <textarea
            id="token"
            rows={2}
            readOnly
            spellcheck={false}
            autocomplete="off"
            value={token}
            onFocus={(event) => event.currentTarget.select()}
            onCopy={onCopied}
          />
          <CopyButton text={token} label="Copy the token" word="Copy" primary onCopied={onCopied} />
        </div>
      </div>
      <p>
        <Button
          icon="download"
          onClick={() => {
            download(fileName(key.name), envLine(token));
            setSaved('downloaded');
          }}
        >
          Download as .env
        </Button>
      </p>
      <h3>Try it</h3>
      <div class="code">
        <pre>{curl}</pre>
        <CopyButton text={curl} label="Copy the curl line" word="Copy" onCopied={onCopied} />
      </div>
      {session.exampleUrl === null && <p class="hint">Replace the example URL by a URL of your API.</p>}
      {asking ? (
        <Ask
          onStay={() => setAsking(null)}
          onLeave={() => {
            setSaved('copied');
            onEnd();
            // After the guard is removed.
            setTimeout(asking.proceed);
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
