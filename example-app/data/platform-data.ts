import { type Conversations, createConversations } from './conversations';
import { createDirectory, type Directory } from './directory';
import type { Project } from './model';

/** A workspace's conversations of all projects, the newest first. */
export interface WorkspaceConversations extends Pick<Conversations, 'count' | 'facts' | 'whole'> {
  projectAt(position: number): Project;
}

/** Workspaces, projects and their conversations. All but the times is the same at every start. */
export interface PlatformData extends Directory {
  conversationsOf(project: Project): Conversations;
  conversationsOfWorkspace(workspaceId: string): WorkspaceConversations;
}

interface Place {
  readonly project: Project;
  readonly position: number;
}

function merge(projects: readonly Project[], of: (project: Project) => Conversations): WorkspaceConversations {
  const places = projects
    .flatMap((project) =>
      Array.from({ length: project.conversations }, (_, position) => ({
        project,
        position,
        startedAt: of(project).facts(position).startedAt,
      })),
    )
    .sort((a, b) => b.startedAt - a.startedAt);
  const at = (position: number) => places[position] as Place;
  return {
    count: places.length,
    projectAt: (position) => at(position).project,
    facts: (position) => of(at(position).project).facts(at(position).position),
    whole: (position) => of(at(position).project).whole(at(position).position),
  };
}

/** @param now The newest conversations begin minutes before it, so that "the last 24 hours" holds some. */
export function createPlatformData(now = Date.now()): PlatformData {
  const directory = createDirectory(now);
  const conversations = new Map(directory.projects.map((project) => [project.id, createConversations(project, now)]));
  const merged = new Map<string, WorkspaceConversations>();

  function conversationsOf(project: Project): Conversations {
    const found = conversations.get(project.id);
    if (found === undefined) throw new Error(`${project.id} is not a project of this directory.`);
    return found;
  }

  return {
    ...directory,
    conversationsOf,
    conversationsOfWorkspace(workspaceId) {
      let found = merged.get(workspaceId);
      if (found === undefined) {
        const projects = directory.projects.filter((project) => project.workspaceId === workspaceId);
        found = merge(projects, conversationsOf);
        merged.set(workspaceId, found);
      }
      return found;
    },
  };
}
