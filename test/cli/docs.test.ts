import { readFileSync } from 'node:fs';
import path from 'node:path';
import { EXIT } from '../../src/cli/io';
import { createWorld, type World } from './harness';

const page = readFileSync(path.join(__dirname, '../../docs/cli.md'), 'utf8');
const COMMON = 'Common options:\n';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

/** The text between a heading and the next. */
function section(heading: string): string {
  const [, text = ''] = page.split(`\n${heading}\n`);
  return text.split(/\n##+ /)[0] as string;
}

const help = async (...words: string[]) => (await world.run(['help', ...words])).stdout;

/** The commands in the help, except help itself. */
async function commands(): Promise<string[]> {
  const [, list = ''] = (await help()).split('Commands:\n');
  const lines = (list.split('\n\n')[0] as string).split('\n').map((line) => line.trim().split(/ {2,}/)[0] as string);
  return lines.filter((line) => !/^(?:help|--version)/.test(line)).map((line) => line.replace(/ [A-Z|-]+$/, ''));
}

describe('the page about the command line', () => {
  test('the page shows every command with its options and example, as help does', async () => {
    const names = await commands();
    expect(names.length).toBeGreaterThan(15);
    for (const name of names) {
      const [, usage] = (await help(...name.split(' '))).split('\n\nUsage: ');
      const own = (usage as string).split('\n\nCommon options')[0] as string;
      expect(section(`### ${name}`)).toContain(`\`\`\`text\nUsage: ${own.trimEnd()}\n\`\`\``);
    }
    expect([...page.matchAll(/^### (.*)$/gm)].map(([, name]) => name)).toEqual(names);
  });

  test('the page shows the common options', async () => {
    const [, options = ''] = (await help()).split(COMMON);
    const shown = (options.split('\n\n')[0] as string).trimEnd();
    expect(section('## Common options')).toContain(`\`\`\`text\n${shown}\n\`\`\``);
  });

  test('the page shows the exit codes of the help', async () => {
    const rows = [...section('## Exit codes').matchAll(/^\| (\d) +\| ([^:|]+?)(?::[^|]*)? *\|$/gm)];
    const listed = rows.map(([, code, meaning]) => `${code} ${meaning}`).join(', ');
    expect(await help()).toContain(`Exit codes: ${listed}.`);
    expect(rows.map(([, code]) => Number(code))).toEqual(Object.values(EXIT));
  });

  test('the page names the environment variables that are read', () => {
    const sources = ['settings', 'commands/import'].map((name) =>
      readFileSync(path.join(__dirname, `../../src/cli/${name}.ts`), 'utf8'),
    );
    const read = new Set(sources.join('\n').match(/\b(?:KEYSCOPE_[A-Z_]+|REDIS_URL)\b/g));
    const named = new Set(page.match(/\b(?:KEYSCOPE_[A-Z_]+|REDIS_URL)\b/g));
    expect(named).toEqual(read);
  });
});
