import type { Project, Workspace } from './model';

const workspaces: readonly Workspace[] = [
  { id: 'ws-fd112d8f', slug: 'acme-uk', name: 'Acme UK' },
  { id: 'ws-7b20c91e', slug: 'globex', name: 'Globex' },
];

type NewProject = Omit<Project, 'createdAt' | 'updatedAt'>;

function project(workspaceId: string, id: string, slug: string, name: string, conversations: number): NewProject {
  return { id, slug, name, workspaceId, conversations };
}

const newProjects: readonly NewProject[] = [
  project('ws-fd112d8f', 'PROJECT-58RP822I', 'acme-team-4', 'Acme front desk', 2400),
  project('ws-fd112d8f', 'PROJECT-7QK2M0XD', 'acme-bookings', 'Acme bookings', 6000),
  project('ws-fd112d8f', 'PROJECT-C1V9TT3E', 'acme-billing', 'Acme billing', 900),
  project('ws-fd112d8f', 'PROJECT-0NEWBORN', 'acme-pilot', 'Acme pilot 🐣', 0),
  project('ws-7b20c91e', 'PROJECT-GLX4410A', 'globex-support', 'Globex support', 1500),
  project('ws-7b20c91e', 'PROJECT-GLX4410B', 'globex-outbound', 'Globex outbound', 700),
];

const DAY = 24 * 60 * 60 * 1000;

/** Workspaces and projects. Ids and slugs both name them; no two share a name. */
export interface Directory {
  readonly workspaces: readonly Workspace[];
  readonly projects: readonly Project[];
  /** By id or slug. */
  workspace(name: string): Workspace | undefined;
  /** By id or slug. */
  project(name: string): Project | undefined;
}

/** Throws if two entries share a name: a request could be authorized for one and answered with the other. */
function index<T extends { readonly id: string; readonly slug: string }>(entries: readonly T[]): Map<string, T> {
  const names = new Map<string, T>();
  for (const entry of entries) {
    for (const name of [entry.id, entry.slug]) {
      if (names.has(name)) throw new Error(`The name ${name} is taken twice.`);
      names.set(name, entry);
    }
  }
  return names;
}

/** @param now Projects were created 200 days before it, and changed 4 days before it. */
export function createDirectory(now = Date.now()): Directory {
  const projects = newProjects.map((entry) => ({
    ...entry,
    createdAt: new Date(now - 200 * DAY).toISOString(),
    updatedAt: new Date(now - 4 * DAY).toISOString(),
  }));
  const workspaceNames = index(workspaces);
  const projectNames = index(projects);
  return {
    workspaces,
    projects,
    workspace: (name) => workspaceNames.get(name),
    project: (name) => projectNames.get(name),
  };
}
