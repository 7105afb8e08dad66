import { type Conversations, createConversations } from './conversations';
import { createDirectory, type Directory } from './directory';
import type { Project } from './model';

/** Everything the platform knows: who exists, and what was said. The same at every start. */
export interface PlatformData extends Directory {
  conversationsOf(project: Project): Conversations;
}

export function createPlatformData(): PlatformData {
  const directory = createDirectory();
  const conversations = new Map(directory.projects.map((project) => [project.id, createConversations(project)]));
  return {
    ...directory,
    conversationsOf(project) {
      const found = conversations.get(project.id);
      if (found === undefined) throw new Error(`${project.id} is not a project of this directory.`);
      return found;
    },
  };
}
