import type { ProjectConfiguration, ProjectInput } from '../../projects/service';
import type { Command, CommandContext } from '../command';
import { usageError } from '../io';
import { type Listing, printList } from '../paging';
import { confirm } from '../prompts';
import { splitNames } from '../settings';
import { fields, timeFormat, toJson } from '../terminal-text';
import { CHANGE_OPTIONS, DESTROY_OPTIONS } from './common-options';

const ID = 'ID';

function metricsInWords(metrics: ProjectConfiguration['metrics']): string {
  if (metrics === 'all') return 'all';
  return metrics.length === 0 ? 'none' : metrics.join(', ');
}

function listing({ io }: CommandContext): Listing<ProjectConfiguration> {
  const time = timeFormat(io);
  return {
    headings: ['PROJECT', 'TRANSCRIPT', 'UPDATED', 'METRICS'],
    row: ({ projectId, transcript, updatedAt, metrics }) => [
      projectId,
      transcript ? 'on' : 'off',
      updatedAt === null ? 'never' : time(updatedAt),
      metricsInWords(metrics),
    ],
    none: 'No project has a configuration, so nothing is enabled.',
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
      ['metrics', metricsInWords(metrics)],
      ['updated', updatedAt === null ? 'never: nothing is enabled' : timeFormat(context.io)(updatedAt)],
    ]),
  );
}

async function list(context: CommandContext): Promise<undefined> {
  printList(context, await context.apiKeys.projects.list(context.within), listing(context));
}

async function show(context: CommandContext): Promise<undefined> {
  print(context, await context.apiKeys.projects.get(context.args[0] as string, context.within));
}

/** `--metrics` takes several at once; `--metric` takes one as it is, commas, `all` and `none` too. */
function metricsOf({ values }: CommandContext): ProjectInput['metrics'] | null {
  const several = values.texts('metrics').flatMap(splitNames);
  const single = values.texts('metric');
  if (several.length === 0 && single.length === 0) return null;
  if (single.length === 0 && several.length === 1) {
    if (several[0] === 'all') return 'all';
    if (several[0] === 'none') return [];
  }
  if (several.includes('none')) throw usageError('Give --metrics none by itself.');
  return [...several, ...single];
}

async function set(context: CommandContext): Promise<undefined> {
  const { args, values, apiKeys, origin } = context;
  const transcript = values.text('transcript');
  const metrics = metricsOf(context);
  // Half a configuration would leave the other half to a guess.
  if (transcript !== 'on' && transcript !== 'off') throw usageError('Give --transcript on or --transcript off.');
  if (metrics === null) throw usageError('Give --metrics all, --metrics none, or their names: --metrics A,B.');
  print(context, await apiKeys.projects.set(args[0] as string, { transcript: transcript === 'on', metrics }, origin));
}

async function clear(context: CommandContext): Promise<undefined> {
  const { args, apiKeys, origin } = context;
  await confirm(
    context,
    async () => `Clear what ${JSON.stringify(args[0])} has enabled? Its responses lose it at once.`,
  );
  print(context, await apiKeys.projects.clear(args[0] as string, origin));
}

export const PROJECT_COMMANDS: readonly Command[] = [
  { name: 'projects list', summary: 'List the projects that have a configuration', args: [], options: {}, run: list },
  { name: 'projects show', summary: 'Show what a project has enabled', args: [ID], options: {}, run: show },
  {
    name: 'projects set',
    summary: 'Say what a project enables, in place of what it did',
    args: [ID],
    options: {
      transcript: { value: 'on|off', help: 'Whether transcripts may leave. Required.' },
      metrics: { value: 'all|none|A,B', multiple: true, help: 'Which metrics may leave. Required.' },
      metric: { value: 'NAME', multiple: true, help: 'One more of them, as it is: for names with commas.' },
      ...CHANGE_OPTIONS,
    },
    run: set,
  },
  {
    name: 'projects clear',
    summary: 'Take a configuration away: nothing is enabled then',
    args: [ID],
    options: DESTROY_OPTIONS,
    run: clear,
  },
];
