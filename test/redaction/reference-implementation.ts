import type { Features } from '../../src/features';
import type { RedactOptions } from '../../src/redaction/options';
import { parsePath, type Step } from '../../src/redaction/path-parser';

/** The features of the project that a conversation is of; `undefined` if it names none. */
export type FeaturesOf = (projectId: unknown) => Features;

interface Route {
  readonly steps: readonly Step[];
  readonly kind: 'conversation' | 'transcript' | 'metrics' | 'alias';
  readonly metric?: string;
  readonly features?: Features;
}

const list = (value: string | readonly string[]) => (typeof value === 'string' ? [value] : value);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function clearedValue(value: unknown): unknown {
  if (typeof value === 'string') return '';
  if (Array.isArray(value)) return [];
  return isObject(value) ? {} : null;
}

/** Objects are made from entries, the way `__proto__` stays a member. */
const mapMembers = (value: object, change: (name: string, member: unknown) => [string, unknown][]) =>
  Object.fromEntries(Object.entries(value).flatMap(([name, member]) => change(name, member)));

/**
 * The rules of redaction once more, as plainly as they can be written and with nothing of the package but the path
 * grammar: each path is followed by itself, and copies are made of everything.
 */
export function referenceRedaction(body: unknown, options: RedactOptions, featuresOf: FeaturesOf): unknown {
  const routes = (kind: Route['kind'], paths: string | readonly string[]): Route[] =>
    list(paths).map((text) => ({ kind, steps: parsePath(text, kind) }));
  const inside: Route[] = [
    ...routes('transcript', options.transcript ?? 'turns'),
    ...routes('metrics', options.metrics ?? 'metrics'),
    ...Object.entries(options.metricAliases ?? {}).flatMap(([metric, members]) =>
      routes('alias', members).map((route) => ({ ...route, metric })),
    ),
  ];

  const after = ({ steps, ...rest }: Route): Route => ({ ...rest, steps: steps.slice(1) });

  function denies(route: Route): boolean {
    const { transcript, metrics } = route.features!;
    if (route.kind === 'transcript') return !transcript;
    if (metrics === 'all') return false;
    return route.kind === 'metrics' || !metrics.includes(route.metric!);
  }

  function visit(value: unknown, given: readonly Route[]): unknown {
    if (Array.isArray(value)) {
      if (given.some((route) => route.steps.length === 0 && route.features && denies(route))) return [];
      const onwards = given.flatMap((route) => {
        if (route.steps[0] === null) return [after(route)];
        return route.steps.length > 0 || route.kind === 'conversation' ? [route] : [];
      });
      return value.map((element) => visit(element, onwards));
    }
    const here = [...given];
    for (const route of here) if (route.steps[0] === null) here.push(after(route));
    const denied = here.filter((route) => route.steps.length === 0 && route.features && denies(route));
    if (denied.some(({ kind }) => kind !== 'metrics')) return clearedValue(value);
    if (!isObject(value)) return denied.length > 0 ? clearedValue(value) : value;
    if (here.some(({ kind, steps }) => kind === 'conversation' && steps.length === 0)) {
      const projectId = Object.hasOwn(value, 'project_id') ? value.project_id : undefined;
      const features = featuresOf(projectId);
      for (const route of inside) here.push({ ...route, features });
    }
    return mapMembers(value, (name, member) => {
      if (denied.some(({ features }) => !(features!.metrics as string[]).includes(name))) return [];
      const onwards = here
        .filter(({ steps }) => steps.length > 0 && (steps[0] === null || steps[0] === name))
        .map(after);
      return [[name, visit(member, onwards)]];
    });
  }

  return visit(body, routes('conversation', options.conversations ?? ['$', 'conversations[*]']));
}
