import type { z } from 'zod';
import type { auditListSchema, auditQuerySchema, WireAuditEntry } from '../../../audit-schemas';
import type { changedKeysSchema } from '../../../bulk-schemas';
import type { leakBodySchema, leakReportSchema } from '../../../leak-schemas';
import type { reportSummarySchema, WireReport } from '../../../report-schemas';
import type {
  agentListSchema,
  permissionListSchema,
  problemSchema,
  sessionSchema,
  WireConfiguration,
  WireKey,
  WireUsage,
} from '../../../schemas';
import type { failedWebhookListSchema, WireFailedWebhook, WireWebhookEndpoint } from '../../../webhook-schemas';

/* Types of requests and responses, from the router's schemas. Types only, so that the page contains no server code. */

export type Key = WireKey;
export type Configuration = WireConfiguration;
export type Usage = WireUsage;
export type WebhookEndpoint = WireWebhookEndpoint;
export type FailedWebhook = WireFailedWebhook;
export type FailedWebhookPage = z.infer<typeof failedWebhookListSchema>;
export type Report = WireReport;
export type ReportSummary = z.infer<typeof reportSummarySchema>;
export type ChangedKeys = z.infer<typeof changedKeysSchema>;
export type LeakBody = z.infer<typeof leakBodySchema>;
export type LeakReport = z.infer<typeof leakReportSchema>;
export type AuditEntry = WireAuditEntry;
export type KnownAction = NonNullable<z.infer<typeof auditQuerySchema>['action']>;
export type Session = z.infer<typeof sessionSchema>;
export type Permission = z.infer<typeof permissionListSchema>['permissions'][number];
export type Agent = z.infer<typeof agentListSchema>['agents'][number];
export type Problem = z.infer<typeof problemSchema>;
export type Issue = NonNullable<Problem['issues']>[number];

/** One page of keys. */
export interface KeyPage {
  readonly keys: Key[];
  readonly cursor: string | null;
  /** Number of keys in the workspace. Undefined if the server is older than this page. */
  readonly total?: number;
  /** Number of keys that match. Null if not all keys were examined; undefined as `total`. */
  readonly matching?: number | null;
}
export type AuditPage = z.infer<typeof auditListSchema>;

export interface Created {
  readonly key: Key;
  readonly token: string;
}

export type Sort = 'created' | 'name' | 'expires';
export type Metrics = Configuration['metrics'];
export type Agents = Key['agents'];
