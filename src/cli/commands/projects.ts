import type { ProjectConfiguration, ProjectInput } from '../../projects/service';
import type { Command, CommandContext } from '../command';
import { usageError } from '../io';
import { type Listing, printList } from '../paging';
import { confirm } from '../prompts';
import { splitNames } from '../settings';
import { fields, toJson } from '../terminal-text';
import { fullTime, isoTime, relativeTime } from '../time-text';
import { CHANGE_OPTIONS, DESTROY_OPTIONS } from './common-options';

const ID = 'ID';

function describeMetrics(metrics: ProjectConfiguration['metrics']): string {
  if (metrics === 'all') return 'all';
  return metrics.length === 0 ? 'none' : metrics.join(', ');
}

function listing({ io, style }: CommandContext): Listing<ProjectConfiguration> {
  const now = io.now();
  const time = (at: Date) => (style.relative ? relativeTime(at, now) : isoTime(at));
  return {
    columns: [
      { heading: 'PROJECT', minimum: 16 },
      { heading: 'TRANSCRIPT' },
      { heading: 'UPDATED' },
      { heading: 'METRICS', minimum: 12 },
    ],
    row: ({ projectId, transcript, updatedAt, metrics }) => [
      projectId,
      transcript ? 'on' : 'off',
      updatedAt === null ? 'never' : time(updatedAt),
      describeMetrics(metrics),
    ],
    none: 'No project has a configuration. Nothing is enabled.',
  };
}

function print(context: CommandContext, project: ProjectConfiguration): void {
  const { projectId, transcript, metrics, updatedAt } = project;
  if (context.json) {
    context.print(`${toJson(project)}\n`);
    return;
  }
  context.print(
    fields([
      ['project', projectId],
      ['transcript', transcript ? 'on' : 'off'],
      ['metrics', describeMetrics(metrics)],
      ['updated', updatedAt === null ? 'never: nothing is enabled' : fullTime(updatedAt, context.io.now())],
    ]),
  );
}

async function list(context: CommandContext): Promise<undefined> {
  printList(context, await context.apiKeys.projects.list(context.within), listing(context));
}

async function show(context: CommandContext): Promise<undefined> {
  print(context, await context.apiKeys.projects.get(context.args[0] as string, context.within));
}

/** `--metrics` takes several names. `--metric` takes one name verbatim, also with commas, `all` and `none`. */
function metricsOf({ values }: CommandContext): ProjectInput['metrics'] | null {
  const several = values.texts('metrics').flatMap(splitNames);
  const single = values.texts('metric');
  if (several.length === 0 && single.length === 0) return null;
  if (single.length === 0 && several.length === 1) {
    if (several[0] === 'all') return 'all';
    if (several[0] === 'none') return [];
  }
  if (several.includes('none')) throw usageError('--metrics: give none without other names.');
  return [...several, ...single];
}

async function set(context: CommandContext): Promise<undefined> {
  const { args, values, apiKeys, origin } = context;
  const transcript = values.text('transcript');
  const metrics = metricsOf(context);
  // A partial configuration would leave the rest to a guess.
  const missing = [
    ...(transcript === undefined ? ['--transcript on|off'] : []),
    ...(metrics === null ? ['--metrics all|none|A,B'] : []),
  ];
  if (missing.length > 0) throw usageError(`\`keyscope projects set\` needs ${missing.join(' and ')}. See --help.`);
  if (transcript !== 'on' && transcript !== 'off') throw usageError('--transcript: expected on or off.');
  print(
    context,
    await apiKeys.projects.set(args[0] as string, { transcript: transcript === 'on', metrics: metrics ?? [] }, origin),
  );
}

async function clear(context: CommandContext): Promise<undefined> {
  const { args, apiKeys, origin } = context;
  await confirm(context, async () => `Clear the configuration of ${JSON.stringify(args[0])}? Nothing is enabled then.`);
  print(context, await apiKeys.projects.clear(args[0] as string, origin));
}

export const PROJECT_COMMANDS: readonly Command[] = [
  {
    name: 'projects list',
    summary: 'List the projects that have a configuration',
    args: [],
    options: {},
    example: 'keyscope projects list',
    run: list,
  },
  {
    name: 'projects show',
    summary: 'Show the configuration of a project',
    args: [ID],
    options: {},
    example: 'keyscope projects show PROJECT-1',
    run: show,
  },
  {
    name: 'projects set',
    summary: 'Set the configuration of a project',
    args: [ID],
    options: {
      transcript: { value: 'on|off', help: 'Whether responses contain transcripts. Required.' },
      metrics: { value: 'all|none|A,B', multiple: true, help: 'Metrics in responses. Required.' },
      metric: { value: 'NAME', multiple: true, help: 'One metric name, verbatim: for names with commas.' },
      ...CHANGE_OPTIONS,
    },
    example: 'keyscope projects set PROJECT-1 --transcript off --metrics CSAT_SCORE,HANDOFF_TO',
    run: set,
  },
  {
    name: 'projects clear',
    summary: 'Clear the configuration of a project: nothing is enabled then',
    args: [ID],
    options: DESTROY_OPTIONS,
    example: 'keyscope projects clear PROJECT-1',
    run: clear,
  },
];
