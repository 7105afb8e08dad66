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

/** What a project lets out in responses, as it is shown. */
export interface ProjectConfiguration {
  readonly projectId: string;
  /** Whether transcripts may leave. */
  readonly transcript: boolean;
  /** Which metrics may leave; `'all'` includes names that do not exist yet. */
  readonly metrics: 'all' | readonly string[];
  /** When it was last set; null where it never was, or has been cleared. */
  readonly updatedAt: Date | null;
  /** False where nothing has been set: then nothing is enabled. */
  readonly configured: boolean;
}

/** What a project is to let out. Both members are required: half a configuration would leave the other half to a guess. */
export interface ProjectInput {
  readonly transcript: boolean;
  /** `'all'`, or up to 1,000 distinct names of 1–200 characters; an empty list lets none out. */
  readonly metrics: 'all' | readonly string[];
}

export interface ProjectContext {
  /** Default `'default'`. */
  readonly workspaceId?: string;
}

/** Who changes something, for the audit trail. */
export interface ProjectMutationContext extends ProjectContext {
  readonly actor?: string | null;
  /** From where: an IP address or the like. */
  readonly source?: string | null;
}

/** What projects have enabled. Methods reject with `invalid_request` and `store_unavailable`. */
export interface ProjectService {
  /** Also for a project that nobody has configured, and for one that does not exist: which there are is not known here. */
  get(projectId: string, context?: ProjectContext): Promise<ProjectConfiguration>;
  /** Replaces the whole configuration. */
  set(projectId: string, features: ProjectInput, context?: ProjectMutationContext): Promise<ProjectConfiguration>;
  /** Disables everything. Resolves with what the project is then, whether or not there was a configuration. */
  clear(projectId: string, context?: ProjectMutationContext): Promise<ProjectConfiguration>;
  /** Every configured project of a workspace, in the order of their ids. */
  list(context?: ProjectContext): Promise<ProjectConfiguration[]>;
}

export interface ProjectServiceDeps {
  readonly store: Store;
  readonly clock: Clock;
}

const MAX_METRIC_LENGTH = 200;
const MAX_METRICS = 1_000;
const METRIC_MESSAGE = `Give names of 1–${MAX_METRIC_LENGTH} characters without control characters.`;

const metrics = allOrList({
  message: `Give 'all', or a list of at most ${MAX_METRICS} names; an empty list enables none.`,
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
      // By code unit: the same order on every machine, whatever its locale.
      return [...records.values()]
        .map(configured)
        .sort((a, b) => (a.projectId < b.projectId ? -1 : a.projectId > b.projectId ? 1 : 0));
    },
  };
}
