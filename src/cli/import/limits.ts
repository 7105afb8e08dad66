import { type Field, fieldOf, fold, foldPath } from './fields';
import { readNames } from './read-names';
import { isEmpty, namesEnd, statusOf, toBoolean } from './words';

/** Parts of folded names that say that a key has ended or will end. */
const ENDS =
  /delet|remov|withdr|kill|compromis|leak|stolen|revo[kcq]|archiv|deactiv|inactiv|disab|suspen|blocked|banned|cancel|invalid|terminat|retire|trash|tombst|expir|valid(?:until|till|to|thr|before)|discard|destroy|purge|obsolet|supersed|blacklist|denylist|frozen|freez/;

/**
 * Folded names of columns that limit no key, unless their values do: its owner, when and how often it was used, how it is
 * shown. All other names are unknown.
 */
const HARMLESS = new RegExp(
  [
    '^(?=.)(?:api|key|token|user|owner|customer|client|company|account|member|creator|author|consumer|contact|reference)*' +
      '(?:id|uuid|guid|name|slug|email|prefix|start|hint|preview|last4|suffix|masked|type)?$',
    '^(?:last|first)?(?:creat|updat|modif|insert|issu|us|seen|access|sync|refresh|import|regist|activ|start|request)' +
      '(?:e|ed|ing|ion|ied|ered|ration|ated|ation)?(?:at|on|by|date|time|timestamp|ts|ms|m|utc|ip|from)*$',
    '^(?:total|num|number|numberof)?(?:request|usage|use|call|hit)s?(?:count|counter|total|number)?$',
    '^(?:tenant|workspace|org|organi[sz]ation)(?:id|uuid|slug|name)?$|^(?:env|environment|mode|livemode|version|v)$',
  ].join('|'),
);

/** Parts of folded names that may limit a key, unless they are times of use such as `last_active_at`. */
const MAY_LIMIT = new RegExp(
  [
    'activ|enabl|status|(?:^|[^bc])locked|voided|replac|rotat|successor|lapse|hidden|closed|paus|lifecycle|state$|denied',
    '^exp(?:$|at|on|date|dt|time|ts)|^nbf$|until|lifetime|lifespan|maxage|ttl$|valid(?!at)|notbefore|notafter|remaining|left$',
    '^(?:is|has|date|key|token)*end(?:s|ed)?(?:at|on|by|date|time)?$',
    'abilit|privileg|grants?$|roles?$|scope|permission|restrict|readonly|allowed|allowlist|whitelist',
    '^(?:agent|project)s?(?:ids?|uuids?|keys?|codes?|refs?|names?|slugs?|list)?$',
  ].join('|'),
);

/** Folded names of columns that say when a key was made or used. They limit no key if they hold a time that is past. */
const HISTORY =
  /^(?:last|first)|creat|updat|modif|insert|issu|start|since|begin|regist|sync|refresh|import|seen|used|accessed|activat(?:ed|ion)(?:at|on|date)/;
/** Folded names of columns that hold numbers, so that 0 and 1 are no flags. */
const NUMBER =
  /(?:ids?|count|counter|number|num|total|version|revision|order|priority|rank|tier|level|size|limit|rate|max|min|amount|quota|weight|uses|requests|calls|hits)$|^v$/;
/** Names of columns that hold a time: `gone_at`, `goneOn`. */
const TIME_NAME = /[\s_.-](?:at|on|date|time|ts)$|[a-z](?:At|On|Date|Time|Ts)$/;
/** A date at the beginning of a value, or in brackets, as ranges have it. */
const DATE = /^[[("\s]*(?:\d{4}-\d{2}-\d{2}|\d{1,2}([./-])\d{1,2}\1\d{4})/;

const STATED: ReadonlySet<Field | undefined> = new Set([
  ...(['expiresAt', 'disabled', 'enabled', 'active', 'status', 'inactive'] as const),
]);

/** True if a value is a time after now: ISO 8601, or a number since 1970. */
function isFuture(value: unknown, now: number): boolean {
  const number = /^\d{9,13}$/.test(String(value)) ? Number(value) : Date.parse(String(value));
  return (number < 1e11 ? number * 1000 : number) > now;
}

/** True if a column says when the key was made or used. A time to come could be that of its beginning. */
function isHistory(column: string, value: unknown, now: number): boolean {
  if (!HISTORY.test(fold(column))) return false;
  if (isEmpty(value)) return true;
  const isTime = DATE.test(String(value)) || (/^\d+(?:\.\d+)?$/.test(String(value)) && !isFlag(column, value));
  return isTime && !isFuture(value, now);
}

export function parseObject(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*["[{]/.test(value)) return value;
  try {
    return parseObject(JSON.parse(value));
  } catch {
    return value;
  }
}

/** True if a string says that a key has ended, such as "revoked", `{revoked,old}` or "Revoked by Ann". */
function saysThatItEnded(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  const names = readNames(value);
  return namesEnd(value) || (Array.isArray(names) && names.some((name) => endedState(name)));
}

function endedState(value: unknown): boolean {
  const state = statusOf(value);
  return state === 'inactive' || state === 'disabled';
}

/** True if a member, at any depth, may limit a key: `{ "lifecycle": { "deletedAt": "2024-01-01" } }`, `["revoked"]`. */
function membersMayLimit(value: object): boolean {
  return Object.entries(value).some(([name, member]) => {
    const inner = parseObject(member);
    if (typeof inner === 'object' && inner !== null && membersMayLimit(inner)) return true;
    if (saysThatItEnded(member)) return true;
    if (Array.isArray(value)) return false;
    const field = fieldOf(name, undefined);
    if (field !== undefined)
      return field === 'remaining' ? !isEmpty(member) && !(Number(member) > 0) : STATED.has(field);
    return nameMayLimit(name, member, Number.POSITIVE_INFINITY);
  });
}

function isFlag(column: string, value: unknown): boolean {
  if (toBoolean(value) === undefined) return /^[✓✔☑]$/.test(String(value));
  return !/^[\d\s]*$/.test(String(value)) || !(NUMBER.test(fold(column)) || TIME_NAME.test(column));
}

function nameMayLimit(column: string, value: unknown, now: number): boolean {
  return ENDS.test(foldPath(column)) || (MAY_LIMIT.test(fold(column)) && !isHistory(column, value, now));
}

/**
 * True if a column that has no field may limit a key: its name is unknown or says so, or its value is a flag, a time, a
 * state, or holds one of these.
 */
export function mayLimit(column: string, value: unknown, now: number): boolean {
  if (column.trim() === '') return !isEmpty(value);
  // Of other systems, such as a number without its window.
  if (/^ratelimit/.test(fold(column))) return false;
  if (!HARMLESS.test(fold(column)) || nameMayLimit(column, value, now)) return true;
  return !isEmpty(value) && !isHistory(column, value, now) && valueMayLimit(column, value);
}

function valueMayLimit(column: string, given: unknown): boolean {
  const value = parseObject(given);
  if (typeof value === 'object' && value !== null) return membersMayLimit(value);
  return saysThatItEnded(value) || isFlag(column, value) || TIME_NAME.test(column) || DATE.test(String(value));
}

/** True if a column of a known export, which has no field, holds members that may limit a key: metadata of its users. */
export function metadataMayLimit(given: unknown): boolean {
  const value = parseObject(given);
  return typeof value === 'object' && value !== null && membersMayLimit(value);
}
