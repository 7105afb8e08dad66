import type { ProjectConfiguration, ProjectInput } from '../../projects/service';
import type { Call, Command } from '../command';
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

function listing({ io }: Call): Listing<ProjectConfiguration> {
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

function print(call: Call, project: ProjectConfiguration): void {
  const { projectId, transcript, metrics, updatedAt } = project;
  if (call.json) {
    call.print(`${toJson(project)}\n`);
    return;
  }
  call.print(
    fields([
      ['project', projectId],
      ['transcript', transcript ? 'on' : 'off'],
      ['metrics', metricsInWords(metrics)],
      ['updated', updatedAt === null ? 'never: nothing is enabled' : timeFormat(call.io)(updatedAt)],
    ]),
  );
}

async function list(call: Call): Promise<undefined> {
  printList(call, await call.apiKeys.projects.list(call.within), listing(call));
}

async function show(call: Call): Promise<undefined> {
  print(call, await call.apiKeys.projects.get(call.args[0] as string, call.within));
}

/** `--metrics` takes several at once; `--metric` takes one as it is, commas, `all` and `none` too. */
function metricsOf({ values }: Call): ProjectInput['metrics'] | null {
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

async function set(call: Call): Promise<undefined> {
  const { args, values, apiKeys, origin } = call;
  const transcript = values.text('transcript');
  const metrics = metricsOf(call);
  // Half a configuration would leave the other half to a guess.
  if (transcript !== 'on' && transcript !== 'off') throw usageError('Give --transcript on or --transcript off.');
  if (metrics === null) throw usageError('Give --metrics all, --metrics none, or their names: --metrics A,B.');
  print(call, await apiKeys.projects.set(args[0] as string, { transcript: transcript === 'on', metrics }, origin));
}

async function clear(call: Call): Promise<undefined> {
  const { args, apiKeys, origin } = call;
  await confirm(call, async () => `Clear what ${JSON.stringify(args[0])} has enabled? Its responses lose it at once.`);
  print(call, await apiKeys.projects.clear(args[0] as string, origin));
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
