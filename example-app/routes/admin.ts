import type { RequestHandler } from 'express';
import { METRIC_NAMES } from '../data/model';
import type { Operators } from '../operators';
import { SIGN_IN, SIGN_OUT } from './places';
import type { Platform } from './project';

/**
 * Management of keys and projects for signed-in operators: REST routes and their console.
 *
 * @param exampleUrl A URL of this API, for the `curl` line that the console shows.
 */
export function admin({ apiKeys, data }: Platform, operators: Operators, exampleUrl?: () => string): RequestHandler {
  return apiKeys.adminRouter({
    authenticate: (req) => operators.of(req),
    listAgents: (workspaceId) =>
      data.projects.filter((project) => project.workspaceId === workspaceId).map(({ id, name }) => ({ id, name })),
    resolveAgent: (name, workspaceId) =>
      data.projects.find(
        (project) => project.workspaceId === workspaceId && (project.id === name || project.slug === name),
      )?.id,
    metricNames: METRIC_NAMES,
    title: 'Voice-agent platform',
    signInUrl: SIGN_IN,
    signOutUrl: SIGN_OUT,
    ...(exampleUrl !== undefined && { exampleUrl }),
  });
}
