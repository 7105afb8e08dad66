import type { PlatformKeys } from './api-keys';
import type { Command } from './commands';
import type { PlatformData } from './data/platform-data';
import type { DemoKey, Seeded } from './seed';

export interface Welcome {
  readonly address: string;
  /** The link that opens the console. */
  readonly console: string;
  /** Describes the storage of the keys. */
  readonly storage: string;
  readonly projects: readonly string[];
  readonly seeded: Seeded;
  readonly commands: readonly Command[];
}

/** A line for each project: its name and its enabled features. */
export async function describeProjects(apiKeys: PlatformKeys, data: PlatformData): Promise<string[]> {
  return Promise.all(
    data.projects.map(async ({ id, slug, workspaceId, conversations }) => {
      const features = await apiKeys.projects.get(id, { workspaceId });
      const metrics = features.metrics === 'all' ? 'all metrics' : features.metrics.join(', ') || 'no metrics';
      const enabled = `transcript ${features.transcript ? 'on' : 'off'}, ${metrics}`;
      const account = data.workspace(workspaceId)?.slug ?? workspaceId;
      return `${`${account}/${slug}`.padEnd(25)} ${id}  ${String(conversations).padStart(5)} conversations  ${enabled}`;
    }),
  );
}

function expiryText(expiresAt: Date | null): string {
  return expiresAt === null ? 'never expires' : `until ${expiresAt.toISOString().slice(0, 16)}Z`;
}

function describeKey({ name, agents, permissions, expiresAt, token }: DemoKey): string {
  return `  ${token}\n    ${name}: ${agents}; ${permissions.join(', ')}; ${expiryText(expiresAt)}`;
}

/** The text that is printed after the start. */
export function welcomeText({ address, console, storage, projects, seeded, commands }: Welcome): string {
  const earlier = seeded.earlier.map(({ name, masked, expiresAt }) => `  ${masked}  ${name}; ${expiryText(expiresAt)}`);
  return [
    `A voice-agent platform's external API, protected by keyscope: ${address}`,
    storage,
    '',
    'The console for keys and project configurations. The link signs you in',
    `  ${console}`,
    '',
    'Projects and their enabled features',
    ...projects.map((line) => `  ${line}`),
    '',
    ...(seeded.first
      ? ['Keys. Each token is shown here, once, and cannot be read back']
      : [
          'Keys that exist already. Their tokens were shown once, when they were created, and still work',
          ...earlier,
          '',
          'Keys of this start, for the commands below',
        ]),
    ...Object.values(seeded.keys).map(describeKey),
    describeKey(seeded.shortLived),
    '',
    'Try, in this order (each line begins with the status of its response)',
    ...commands.flatMap(({ status, shows, curl }) => ['', `  # ${status}: ${shows}`, `  ${curl}`]),
    '',
  ].join('\n');
}
