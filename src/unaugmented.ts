/** The package without its declaration of `req.apiKey`, for apps that declare another one. */

export type { OpenapiSecurity, SecurityRequirement } from './admin/openapi-security';
export type { AdminIdentity, AdminRouterOptions, AgentChoice, Authenticate, ResolveAgent } from './admin/options';
export type { ApiKeys } from './api-keys';
export type { AuditFault } from './audit/check-chain';
export type {
  AuditList,
  AuditRecord,
  AuditService,
  AuditVerification,
  ExportAuditInput,
  ExportedAuditRecord,
  ListAuditInput,
  VerifyAuditInput,
} from './audit/service';
export type { IdentityHeaders, PermissionRequirement, RequireApiKeyOptions } from './auth/permission-requirement';
export type { CompareWith } from './auth/report-requests';
export type { RequestApiKey } from './auth/request-api-key';
export type { Feature, RequireFeatureOptions } from './auth/require-feature';
export type { TokenSource } from './auth/token-source';
export type { Verification, VerifyOptions } from './auth/verify';
export type { Clock } from './clock';
export { createApiKeys } from './create-api-keys';
export {
  type DenialReason,
  ERRORS,
  type ErrorCode,
  type ExceededLimit,
  type InputIssue,
  KeyscopeError,
  type KeyscopeErrorOptions,
} from './errors';
export type {
  ChangedEvent,
  DeniedEvent,
  DurableEvent,
  EndedEvent,
  EventListener,
  EventName,
  KeyEvent,
  KeyEventType,
  KeyscopeEvents,
  ProjectEvent,
  ReportedEvent,
} from './events';
export type { Features } from './features';
export type { Middleware } from './http/middleware';
export { type ErrorResponder, problemOf } from './http/problem-response';
export type { ParameterSource } from './http/route-parameter';
export type { RateLimitOptions } from './keys/rate-limit-schema';
export type { Scope } from './keys/scope';
export type { ChangeAllOptions, Duration, KeyFilterInput, KeySelection, Time } from './keys/selection';
export type {
  ApiKey,
  ChangedKeys,
  CreatedKey,
  CreateKeyInput,
  EnsureKeyInput,
  Expiry,
  ImportKeyInput,
  KeyContext,
  KeyCreationContext,
  KeyList,
  KeyMutationContext,
  KeyService,
  ListKeysInput,
  RateLimitInput,
  RotateKeyInput,
  UpdateKeyInput,
} from './keys/types';
export type { GithubPublicKey, GithubPublicKeys } from './leaks/github-keys';
export type { GithubSecretScanningOptions } from './leaks/github-secret-scanning';
export type { RevokeRouterOptions } from './leaks/revoke-router';
export type { LeakContext, LeakInput, LeakReport, LeakService } from './leaks/service';
export type { ApiKeysOptions, PermissionInfo } from './options';
export type {
  ProjectConfiguration,
  ProjectContext,
  ProjectInput,
  ProjectMutationContext,
  ProjectService,
} from './projects/service';
export type { BodyFormat, Limits, RedactOptions } from './redaction/options';
export type { KeyMetadata, KeyOwner } from './store/column-codecs';
export type { KeyExposure } from './store/key-fields';
export type { KeyStatus } from './store/key-search';
export type { Exposure, LeakPolicy } from './store/leak-report';
export type { RateLimit } from './store/limit-store';
export type { Agents, KeySort } from './store/records';
export type { RedisClient, RedisPipeline } from './store/redis/client';
export type {
  AuditAction,
  AuditEntry,
  NodeHealth,
  StoredAuditAction,
  StoreEvent,
  StoreHealth,
  StoreMode,
} from './store/store';
export { isKeyId, tokenPattern } from './token/format';
export { createTokenParser } from './token/parse';
export type { ReadReports, ReportCount, ReportSummary, ReportsInput } from './usage/report-service';
export type { ReportSubject } from './usage/report-subject';
export type { Usage, UsageDay, UsageOptions } from './usage/service';
export type { WebhookEndpoint, WebhookEndpoints, WebhookType } from './webhooks/endpoints';
export type { FailedWebhook, ListFailedWebhooksInput, WebhookEndpointInfo, WebhookService } from './webhooks/service';
