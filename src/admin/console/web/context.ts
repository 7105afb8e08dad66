import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Agent, Permission, Session } from './api/types';

/** Data that all parts of the page use, read at the start. */
export interface AppState {
  readonly session: Session;
  readonly permissions: readonly Permission[];
  readonly agents: readonly Agent[];
  readonly metrics: readonly string[];
  /** Shows a message for some seconds, also to screen readers. `undo` adds a button. */
  toast(text: string, undo?: () => void): void;
}

export const AppContext = createContext<AppState | null>(null);

export function useApp(): AppState {
  const app = useContext(AppContext);
  if (app === null) throw new Error('This component is outside of AppContext.');
  return app;
}
