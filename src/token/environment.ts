import { isTokenPrefix } from './format';

/** Environment of an app and its keys, part of the prefix of their tokens: `ks_live_…`. */
export interface EnvironmentRule {
  /** Null: the app has no environment, and keys of any environment are denied. */
  readonly environment: string | null;
  /** Whether keys without an environment are accepted by an app with one. */
  readonly keysWithoutEnvironment: boolean;
}

const NAME = /^[A-Za-z][A-Za-z0-9]{0,15}$/;

/** Whether a string can be the name of an environment: 1–16 letters and digits, beginning with a letter. */
export function isEnvironment(text: string): boolean {
  return NAME.test(text);
}

/** Prefix of the tokens of an environment. */
export function prefixOf(prefix: string, environment: string | null): string {
  return environment === null ? prefix : `${prefix}_${environment}`;
}

/** The prefixes of tokens that an app accepts, its own first. */
export function acceptedPrefixes(prefix: string, { environment, keysWithoutEnvironment }: EnvironmentRule): string[] {
  const own = prefixOf(prefix, environment);
  return environment !== null && keysWithoutEnvironment ? [own, prefix] : [own];
}

/** Whether an app accepts a key with this environment. */
export function acceptsEnvironment(rule: EnvironmentRule, environment: string | null): boolean {
  return environment === rule.environment || (environment === null && rule.keysWithoutEnvironment);
}

/** Whether tokens with a prefix can be of another environment of the same app. */
export function isOtherEnvironment(found: string, prefix: string, { environment }: EnvironmentRule): boolean {
  if (environment === null || !isTokenPrefix(found) || found === prefixOf(prefix, environment)) return false;
  return found === prefix || (found.startsWith(`${prefix}_`) && isEnvironment(found.slice(prefix.length + 1)));
}

const named = (environment: string | null) =>
  environment === null ? 'no environment' : `the environment ${environment}`;

/** Sentence for the developer about a key or token of another environment. */
export function environmentHint(rule: EnvironmentRule, found: string | null): string {
  const advice =
    found === null && rule.environment !== null
      ? ' `keysWithoutEnvironment` accepts keys that were created without one.'
      : '';
  return `The key belongs to ${named(found)}, this app to ${named(rule.environment)}.${advice}`;
}
