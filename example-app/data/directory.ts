import type { Project, Workspace } from './model';

const workspaces: readonly Workspace[] = [
  { id: 'ws-fd112d8f', slug: 'acme-uk', name: 'Acme UK' },
  { id: 'ws-7b20c91e', slug: 'globex', name: 'Globex' },
];

function project(workspaceId: string, id: string, slug: string, name: string, conversations: number): Project {
  return {
    id,
    slug,
    name,
    workspaceId,
    conversations,
    createdAt: '2026-01-14T09:30:00.000Z',
    updatedAt: '2026-07-28T16:21:07.000Z',
  };
}

const projects: readonly Project[] = [
  project('ws-fd112d8f', 'PROJECT-58RP822I', 'acme-team-4', 'Acme front desk', 2400),
  project('ws-fd112d8f', 'PROJECT-7QK2M0XD', 'acme-bookings', 'Acme bookings', 6000),
  project('ws-fd112d8f', 'PROJECT-C1V9TT3E', 'acme-billing', 'Acme billing', 900),
  project('ws-fd112d8f', 'PROJECT-0NEWBORN', 'acme-pilot', 'Acme pilot 🐣', 0),
  project('ws-7b20c91e', 'PROJECT-GLX4410A', 'globex-support', 'Globex support', 1500),
  project('ws-7b20c91e', 'PROJECT-GLX4410B', 'globex-outbound', 'Globex outbound', 700),
];

/** Who exists. Ids and slugs are both names of the same thing; no two things share one. */
export interface Directory {
  readonly workspaces: readonly Workspace[];
  readonly projects: readonly Project[];
  /** By id or slug. */
  workspace(name: string): Workspace | undefined;
  /** By id or slug. */
  project(name: string): Project | undefined;
}

/** A name that meant two things could be authorized as the one and answered as the other: refused at the start. */
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

export function createDirectory(): Directory {
  const workspaceNames = index(workspaces);
  const projectNames = index(projects);
  return {
    workspaces,
    projects,
    workspace: (name) => workspaceNames.get(name),
    project: (name) => projectNames.get(name),
  };
}
