import type { Key } from '../api/types';
import { useApp } from '../context';
import { hasFeatures } from '../features';
import { hrefOf } from '../page-route';
import { Menu, type MenuItem } from '../ui/menu';
import type { KeyTask } from './use-task';

export interface KeyMenuProps {
  readonly item: Key;
  onTask(task: KeyTask): void;
}

/** Links and actions of a key. */
export function KeyMenu({ item, onTask }: KeyMenuProps) {
  const { session, permissions } = useApp();
  const links: MenuItem[] = [{ label: 'Usage and activity', icon: 'activity', act: hrefOf('key', { key: item.id }) }];
  if (hasFeatures(permissions)) {
    links.push({ label: 'Why is a field missing?', icon: 'question', act: hrefOf('why', { key: item.id }) });
  }
  const changes: MenuItem[] = [
    ...(item.rotatedTo === null
      ? [{ label: 'Rotate', icon: 'rotate', act: () => onTask({ kind: 'rotate', item }) } as const]
      : []),
    item.disabled
      ? { label: 'Enable', icon: 'play', act: () => onTask({ kind: 'enable', item }) }
      : { label: 'Disable', icon: 'pause', act: () => onTask({ kind: 'disable', item }) },
    { label: 'Report as leaked', icon: 'warning', danger: true, act: () => onTask({ kind: 'leaked', item }) },
    { label: 'Delete', icon: 'trash', danger: true, act: () => onTask({ kind: 'delete', item }) },
  ];
  return <Menu label={`More for ${item.name}`} items={session.readOnly ? links : [...links, ...changes]} />;
}
