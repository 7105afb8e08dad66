import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from './icon';

const ICONS = { info: 'question', warning: 'warning', success: 'check' } as const satisfies Record<string, IconName>;

export function Notice({ kind = 'info', children }: { kind?: keyof typeof ICONS; children: ComponentChildren }) {
  return (
    <div class={`note ${kind}`}>
      <Icon name={ICONS[kind]} />
      <div>{children}</div>
    </div>
  );
}
