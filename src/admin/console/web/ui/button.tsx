import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from './icon';

export interface ButtonProps {
  readonly children: ComponentChildren;
  readonly kind?: 'primary' | 'danger' | 'ghost' | undefined;
  readonly type?: 'button' | 'submit';
  readonly icon?: IconName;
  /** True while an action is in progress. Clicks then do nothing. */
  readonly busy?: boolean;
  readonly autofocus?: boolean;
  /** Set if the button shows and hides the element with the id `controls`. */
  readonly expanded?: boolean;
  readonly controls?: string;
  onClick?(): void;
}

export function Button({ children, kind, type = 'button', icon, busy = false, onClick, ...props }: ButtonProps) {
  const { autofocus, expanded, controls } = props;
  // Not `disabled` while busy: the button would lose the focus.
  function press(event: Event): void {
    if (busy) event.preventDefault();
    else onClick?.();
  }
  return (
    <button
      type={type}
      class={kind === undefined ? 'button' : `button ${kind}`}
      aria-disabled={busy ? 'true' : undefined}
      aria-busy={busy ? 'true' : undefined}
      aria-expanded={expanded}
      aria-controls={expanded ? controls : undefined}
      onClick={press}
      {...(autofocus && { autofocus: true })}
    >
      {busy ? <span class="spinner" aria-hidden="true" /> : icon !== undefined && <Icon name={icon} />}
      <span>{children}</span>
    </button>
  );
}
