import { z } from 'zod';
import type { Clock } from '../clock';
import { NOTHING_ENABLED } from '../features';
import {
  allOrList,
  auditText,
  contextWorkspace,
  DEFAULT_WORKSPACE,
  externalId,
  isPlainText,
  tokenLikeTextMessage,
} from '../field-schemas';
import type { ProjectRecord } from '../store/records';
import type { Store } from '../store/store';
import { parseInput } from '../validate-input';

/** Configuration of a project: the features that responses can contain. */
export interface ProjectConfiguration {
  readonly projectId: string;
  /** Whether responses can contain transcripts. */
  readonly transcript: boolean;
  /** Names of the metrics that responses can contain. `'all'` includes names that do not exist yet. */
  readonly metrics: 'all' | readonly string[];
  /** Time of the last `set`. Null if the project has no configuration. */
  readonly updatedAt: Date | null;
  /** False if the project has no configuration: then nothing is enabled. */
  readonly configured: boolean;
}

/**
 * Input of `projects.set`. Both fields are required, because `set` replaces the whole configuration.
 *
 * @example { transcript: true, metrics: ['CSAT'] }
 */
export interface ProjectInput {
  /** Whether responses can contain transcripts. */
  readonly transcript: boolean;
  /** `'all'`, or up to 1,000 distinct names of 1–200 characters. An empty array enables none. */
  readonly metrics: 'all' | readonly string[];
}

export interface ProjectContext {
  /** Default `'default'`. */
  readonly workspaceId?: string;
}

/** Author of a change, for the audit log. */
export interface ProjectMutationContext extends ProjectContext {
  /** Person or program that makes the change, e.g. an e-mail address. Default null. */
  readonly actor?: string | null;
  /** Origin of the change, e.g. an IP address. Default null. */
  readonly source?: string | null;
}

/** Configurations of projects. Methods reject with `invalid_request` or `store_unavailable`. */
export interface ProjectService {
  /** Also resolves for projects without configuration, and for ids that do not exist: keyscope does not know your projects. */
  get(projectId: string, context?: ProjectContext): Promise<ProjectConfiguration>;
  /** Replaces the whole configuration. */
  set(projectId: string, features: ProjectInput, context?: ProjectMutationContext): Promise<ProjectConfiguration>;
  /** Removes the configuration, so that nothing is enabled. Also resolves if there is none. */
  clear(projectId: string, context?: ProjectMutationContext): Promise<ProjectConfiguration>;
  /** All configured projects of a workspace, sorted by id. */
  list(context?: ProjectContext): Promise<ProjectConfiguration[]>;
}

export interface ProjectServiceDeps {
  readonly store: Store;
  readonly clock: Clock;
}

const MAX_METRIC_LENGTH = 200;
const MAX_METRICS = 1_000;
const METRIC_MESSAGE = `Expected a name of 1–${MAX_METRIC_LENGTH} characters without control characters.`;

const metrics = allOrList({
  message: `Expected 'all', or an array of at most ${MAX_METRICS} names. An empty array enables none.`,
  minimum: 0,
  maximum: MAX_METRICS,
  entryMessage: (entry) =>
    typeof entry === 'string' && isPlainText(entry, MAX_METRIC_LENGTH) ? tokenLikeTextMessage(entry) : METRIC_MESSAGE,
});
/** The input of `projects.set`. */
export const projectInputSchema = z.strictObject({
  transcript: z.boolean().meta({ description: 'True if responses may contain transcripts.' }),
  metrics: metrics.meta({
    anyOf: [
      { type: 'string', const: 'all' },
      { type: 'array', items: { type: 'string', minLength: 1, maxLength: MAX_METRIC_LENGTH }, maxItems: MAX_METRICS },
    ],
    description: '`all` includes names that do not exist yet. An empty array enables none.',
  }),
});
const contextSchema = z.strictObject({ workspaceId: contextWorkspace });
const mutationContextSchema = contextSchema.extend({ actor: auditText, source: auditText });

function configured(record: ProjectRecord): ProjectConfiguration {
  return {
    projectId: record.projectId,
    transcript: record.transcript,
    metrics: record.metrics === 'all' ? 'all' : [...record.metrics],
    updatedAt: new Date(record.updatedAt),
    configured: true,
  };
}

function unconfigured(projectId: string): ProjectConfiguration {
  return { projectId, ...NOTHING_ENABLED, updatedAt: null, configured: false };
}

export function createProjectService({ store, clock }: ProjectServiceDeps): ProjectService {
  function readId(projectId: unknown, what: string): string {
    return parseInput(z.object({ projectId: externalId }), { projectId }, what).projectId;
  }

  function readContext(context: unknown, what: string): string {
    return parseInput(contextSchema, context ?? {}, what).workspaceId ?? DEFAULT_WORKSPACE;
  }

  function readMutation(context: unknown, what: string) {
    const { workspaceId = DEFAULT_WORKSPACE, actor, source } = parseInput(mutationContextSchema, context ?? {}, what);
    const origin = { actor: actor ?? null, source: source ?? null, at: Math.floor(clock.wall()) };
    return { workspaceId, origin };
  }

  return {
    async get(projectId, context) {
      const id = readId(projectId, 'projects.get');
      const record = (await store.getProjects(readContext(context, 'projects.get'))).get(id);
      return record ? configured(record) : unconfigured(id);
    },

    async set(projectId, input, context) {
      const id = readId(projectId, 'projects.set');
      const features = parseInput(projectInputSchema, input, 'projects.set');
      const { workspaceId, origin } = readMutation(context, 'projects.set');
      return configured(await store.setProject(workspaceId, id, features, origin));
    },

    async clear(projectId, context) {
      const id = readId(projectId, 'projects.clear');
      const { workspaceId, origin } = readMutation(context, 'projects.clear');
      await store.clearProject(workspaceId, id, origin);
      return unconfigured(id);
    },

    async list(context) {
      const records = await store.getProjects(readContext(context, 'projects.list'));
      // By code unit, so that the order does not depend on the locale.
      return [...records.values()]
        .map(configured)
        .sort((a, b) => (a.projectId < b.projectId ? -1 : a.projectId > b.projectId ? 1 : 0));
    },
  };
}
