import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Agent, Permission, Session } from './api/types';

/** What every part of the page may need to know, read once at the start. */
export interface AppState {
  readonly session: Session;
  readonly permissions: readonly Permission[];
  readonly agents: readonly Agent[];
  readonly metrics: readonly string[];
  /** Says for a moment, to eyes and to screen readers, what has happened. */
  toast(text: string): void;
}

export const AppContext = createContext<AppState | null>(null);

export function useApp(): AppState {
  const app = useContext(AppContext);
  if (app === null) throw new Error('This part of the page stands outside of the app.');
  return app;
}
