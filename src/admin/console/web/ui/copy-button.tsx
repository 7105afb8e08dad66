import { useEffect, useState } from 'preact/hooks';
import { Icon } from './icon';

/** Copies by selection. Works on pages without TLS, where browsers have no clipboard API. */
function copyBySelection(text: string, near: Element): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'off-screen';
  // Inside the open dialog: elements outside it cannot have the focus.
  (near.closest('dialog') ?? document.body).append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  return copied;
}

async function copy(text: string, near: Element): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Missing or not allowed.
    return copyBySelection(text, near);
  }
}

export interface CopyButtonProps {
  readonly text: string;
  /** The accessible name. */
  readonly label: string;
  /** The word on the button. Default: only an icon. */
  readonly word?: string;
  readonly primary?: boolean;
  onCopied?(): void;
}

export function CopyButton({ text, label, word, primary = false, onCopied }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<'copied' | 'failed' | null>(null);
  useEffect(() => {
    if (outcome === null) return;
    const timer = setTimeout(() => setOutcome(null), 3000);
    return () => clearTimeout(timer);
  }, [outcome]);

  async function press(event: Event): Promise<void> {
    const button = event.currentTarget as HTMLElement;
    const copied = await copy(text, button);
    button.focus();
    setOutcome(copied ? 'copied' : 'failed');
    if (copied) onCopied?.();
  }

  const message = outcome === null ? '' : outcome === 'copied' ? 'Copied' : 'Copying failed: select the text instead';
  const kind = word === undefined ? 'icon-button' : primary ? 'button primary' : 'button';
  const shown = outcome === 'copied' ? message : word;
  return (
    <span class="copy">
      <button
        type="button"
        class={kind}
        // The accessible name contains the visible word.
        aria-label={word !== undefined && outcome === 'copied' ? message : label}
        title={word === undefined ? label : undefined}
        onClick={press}
      >
        <Icon name={outcome === 'copied' ? 'check' : 'copy'} />
        {word !== undefined && <span>{shown}</span>}
      </button>
      <span class={outcome === 'failed' ? 'copy-failed' : 'visually-hidden'} role="status">
        {message}
      </span>
    </span>
  );
}
