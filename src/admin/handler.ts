/** The signed-in operator: the validated result of `authenticate`. */
export interface Operator {
  readonly workspaceId: string;
  readonly actor: string | null;
  readonly readOnly: boolean;
  /** Name of the workspace, for the console. */
  readonly workspaceName?: string | undefined;
}

/** The revisions that `If-Match` accepts: any, or these entity tags. */
export type IfMatch = '*' | readonly string[];

/** A request as handlers receive it, independent of Express. */
export interface OperationRequest<Query = unknown> {
  readonly operator: Operator;
  /** The operator's address, for the audit log. */
  readonly source: string | null;
  /** The path under which the router is mounted, without a slash at its end. */
  readonly mount: string;
  /** Path parameters, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  /** The JSON body, with only the field names checked: the service validates the values. */
  readonly body: unknown;
  /** Null if the request has no `If-Match`. */
  readonly ifMatch: IfMatch | null;
  readonly idempotencyKey: string | null;
}

/** The response of a handler. `body` and `stream` are absent if the status has no body. */
export interface OperationResponse {
  readonly status: 200 | 201 | 204;
  readonly body?: unknown;
  /** Body of JSON lines, which is read as it is sent. */
  readonly stream?: AsyncGenerator<string>;
  readonly headers?: Readonly<Record<string, string>>;
}
