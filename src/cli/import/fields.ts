/** The value of a column in one row. */
export type ColumnValue = readonly [column: string, value: unknown];

/** The fields of a row, as `--map` names them. */
export const FIELDS = [
  ...(['token', 'sha256', 'name', 'agents', 'permissions', 'expiresAt', 'disabled', 'enabled'] as const),
  ...(['active', 'status', 'inactive', 'remaining', 'createdBy'] as const),
  ...(['allowedIps', 'rateLimit', 'owner', 'contact', 'metadata'] as const),
] as const;
export type Field = (typeof FIELDS)[number] | 'otherHash';

/** An export of another system. */
export interface Preset {
  /** All columns of its current schema, by their folded names. Null: it limits no key, but its members could. */
  readonly columns: ReadonlyMap<string, Field | null>;
  /** Folded names of columns whose values separate keys that must not become alike. */
  readonly separates: readonly string[];
  /** True if an empty `enabled` means true. */
  readonly emptyIsEnabled: boolean;
}

const withoutField = (names: string) => names.split(' ').map((name) => [name, null] as const);

/** Columns of exports, current schemas. */
export const PRESETS: Readonly<Record<string, Preset>> = {
  // https://github.com/unkeyed/unkey, internal/db/src/schema/keys.ts
  unkey: {
    columns: new Map<string, Field | null>([
      ['hash', 'sha256'],
      ['name', 'name'],
      ['expires', 'expiresAt'],
      ['enabled', 'enabled'],
      ['remaining', 'remaining'],
      ['remainingrequests', 'remaining'],
      ['pendingmigrationid', 'otherHash'],
      ...withoutField(
        'id keyauthid start workspaceid forworkspaceid ownerid identityid meta createdat createdatm updatedatm',
      ),
      ...withoutField('refillday refillamount lastrefillat environment lastusedat'),
    ]),
    separates: ['keyauthid', 'workspaceid', 'environment'],
    emptyIsEnabled: false,
  },
  // https://github.com/better-auth/better-auth, packages/api-key/src/schema.ts
  'better-auth': {
    columns: new Map<string, Field | null>([
      ['key', 'sha256'],
      ['name', 'name'],
      ['expiresat', 'expiresAt'],
      ['enabled', 'enabled'],
      ['permissions', 'permissions'],
      ['remaining', 'remaining'],
      ...withoutField(
        'id configid start prefix referenceid userid refillinterval refillamount lastrefillat requestcount',
      ),
      ...withoutField('lastrequest createdat updatedat metadata'),
    ]),
    separates: ['configid'],
    emptyIsEnabled: true,
  },
};

const USUAL: ReadonlyMap<string, Field> = new Map([
  ...(['token', 'sha256', 'name', 'agents', 'permissions'] as const).map((field) => [field, field] as const),
  ['hash', 'sha256'],
  ['tokenhash', 'sha256'],
  ['keyhash', 'sha256'],
  ...(['scopes', 'scope', 'permission', 'abilities'] as const).map((name) => [name, 'permissions'] as const),
  ...(['allowedips', 'ipallowlist', 'ipwhitelist'] as const).map((name) => [name, 'allowedIps'] as const),
  ['ratelimit', 'rateLimit'],
  ['createdby', 'createdBy'],
  ['owner', 'createdBy'],
]);

const KEY = '(?:is|was|has|been|the|api|key|token|date|time|soft|still|currently)*';
const WHEN = '(?:at|on|by|m|ms|date|time|datetime|timestamp|ts|utc|flag|yn|reason|status)*';
/** Not `expires_in` and `expiry_ms`, which are durations. */
const AT = '(?:(?:at|on|date|time|datetime|timestamp|ts)+(?:utc|m|ms)?)?';
const ENDED = [
  'delet(?:ed?|ion)|remov(?:ed?|al)|revo(?:ked?|cation)|archiv(?:ed?|al)|(?:de|in)activat(?:ed?|ion)|inactive',
  'suspend(?:ed)?|suspension|block(?:ed)?|bann?(?:ed)?|cancel(?:l?ed)?|cancell?ation|invalid(?:ated?|ation)?',
  'terminat(?:ed?|ion)|retired?|trash(?:ed)?|tombstoned?|withdrawn|killed|compromised|leaked|expired',
  'discard(?:ed)?|del|void(?:ed)?|lock(?:ed)?|frozen|destroyed|purged?|obsoleted?|superseded|blacklisted|denylisted',
].join('|');

/** Fields by patterns of folded names, most specific first. */
const PATTERNS: readonly (readonly [RegExp, Field])[] = [
  [new RegExp(`^${KEY}(?:expir(?:es|y|ation|e)${AT}|valid(?:until|to|till)${AT}|expiredat)$`), 'expiresAt'],
  [new RegExp(`^${KEY}disabled(?:flag)?$`), 'disabled'],
  [new RegExp(`^${KEY}(?:${ENDED}|disabled?)${WHEN}$`), 'inactive'],
  [new RegExp(`^${KEY}enabled(?:flag)?$`), 'enabled'],
  [new RegExp(`^${KEY}(?:active|valid|live|usable)(?:flag)?$`), 'active'],
  [new RegExp(`^${KEY}(?:status|state)$`), 'status'],
  [/^(?:remaining|uses|requests)?(?:requests|uses)?(?:remaining|left)$|^remaining(?:requests|uses)$/, 'remaining'],
];

/** A name as it is compared: without case and accents, letters and digits only. */
export function foldPath(column: string): string {
  return column
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
}

/** The same without the table, or the object that has the member. */
export function fold(column: string): string {
  return foldPath(column.slice(column.lastIndexOf('.') + 1));
}

/** The field that a column means by its name. A preset's own names come first. */
export function fieldOf(column: string, preset: Preset | undefined): Field | undefined {
  const name = fold(column);
  if (preset?.columns.has(name)) return preset.columns.get(name) ?? undefined;
  const byPattern = PATTERNS.find(([pattern]) => pattern.test(name))?.[1];
  if (preset === undefined) return USUAL.get(name) ?? byPattern;
  // Other columns of the export count if they say that a key has ended.
  return byPattern;
}
