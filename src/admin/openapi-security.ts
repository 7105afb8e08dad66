import { DENIAL_CODES, ERRORS, type ErrorCode } from '../errors';
import type { Requirement } from '../keys/authorize';
import { jsonSchemaOf } from './openapi';
import { problemOfCodes } from './schemas';

/** An OpenAPI security requirement object: the permissions that a key needs for an operation. */
export type SecurityRequirement = Readonly<Record<string, readonly string[]>>;

/** The security part of your own OpenAPI document. */
export interface OpenapiSecurity<RequirementInput> {
  /** Merge into the document's `components`. */
  readonly components: {
    readonly securitySchemes: Readonly<Record<string, object>>;
    readonly schemas: Readonly<Record<string, object>>;
    readonly responses: Readonly<Record<string, object>>;
  };
  /**
   * `security` of an operation, from the arguments of its `requireApiKey`: a permission, `{ anyOf }`, `{ allOf }`, or
   * nothing for any valid key. In OpenAPI 3.1 the array of a scheme other than OAuth names roles; here, permissions.
   *
   * @throws {KeyscopeError} `invalid_options` if a permission is not declared.
   */
  security(permission?: RequirementInput, options?: { readonly optional?: boolean }): SecurityRequirement[];
  /** An operation's error `responses`, as references to the components. */
  readonly responses: Readonly<Record<'401' | '403' | '503', { readonly $ref: string }>>;
}

export interface OpenapiSecurityDeps<RequirementInput> {
  /** The OpenAPI security schemes of the token by name. Any one is sufficient. */
  readonly securitySchemes: Readonly<Record<string, object>>;
  /** Validates a requirement against the declared permissions. */
  readonly parse: (requirement: RequirementInput | undefined) => Requirement;
}

const PROBLEM = 'KeyscopeProblem';

const deniedWith = (status: number) => DENIAL_CODES.filter((code) => ERRORS[code].status === status);
const UNAUTHORIZED = deniedWith(401);
const FORBIDDEN = deniedWith(403);
const UNAVAILABLE = deniedWith(503);

function response(codes: readonly ErrorCode[], headers?: Readonly<Record<string, object>>): object {
  return {
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join(' '),
    ...(headers && { headers }),
    content: { 'application/problem+json': { schema: { $ref: `#/components/schemas/${PROBLEM}` } } },
  };
}

const stringHeader = () => ({ schema: { type: 'string' } });

export function createOpenapiSecurity<RequirementInput>({
  securitySchemes,
  parse,
}: OpenapiSecurityDeps<RequirementInput>) {
  return function openapiSecurity(): OpenapiSecurity<RequirementInput> {
    return {
      components: {
        securitySchemes: structuredClone(securitySchemes),
        schemas: { [PROBLEM]: jsonSchemaOf(problemOfCodes(DENIAL_CODES)) },
        responses: {
          KeyscopeUnauthorized: response(UNAUTHORIZED, { 'WWW-Authenticate': stringHeader() }),
          KeyscopeForbidden: response(FORBIDDEN),
          KeyscopeUnavailable: response(UNAVAILABLE, { 'Retry-After': stringHeader() }),
        },
      },
      security(permission, { optional = false } = {}) {
        const { mode, permissions } = parse(permission);
        const alternatives = mode === 'any' ? permissions.map((name) => [name]) : [[...permissions]];
        const required: SecurityRequirement[] = Object.keys(securitySchemes).flatMap((scheme) =>
          alternatives.map((names) => ({ [scheme]: names })),
        );
        return optional ? [...required, {}] : required;
      },
      responses: {
        '401': { $ref: '#/components/responses/KeyscopeUnauthorized' },
        '403': { $ref: '#/components/responses/KeyscopeForbidden' },
        '503': { $ref: '#/components/responses/KeyscopeUnavailable' },
      },
    };
  };
}
