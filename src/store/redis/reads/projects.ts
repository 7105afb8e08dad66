import type { ProjectRecord } from '../../records';
import { unreadable } from '../errors';
import type { KeyNames } from '../key-names';
import { decodeProject } from '../record-codec';
import type { BatchedReader } from './batched-reader';

/**
 * Reads a workspace's project configurations. HVALS, because every value contains the id of its project. An array also
 * cannot be misread, unlike an object by names that users choose: `__proto__`.
 */
export function createReadProjects(reader: BatchedReader, keyNames: KeyNames) {
  return function readProjects(workspaceId: string): Promise<ReadonlyMap<string, ProjectRecord>> {
    const key = keyNames.projects(workspaceId);
    return reader.read({
      name: 'hvals',
      key,
      args: [],
      decode(reply) {
        if (!Array.isArray(reply)) throw unreadable(key);
        const projects = new Map<string, ProjectRecord>();
        for (const text of reply) {
          const project = decodeProject(text, key);
          projects.set(project.projectId, project);
        }
        return projects;
      },
    });
  };
}
