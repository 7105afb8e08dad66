// Prints how the repository is written: `npm run language`. Per folder, the words that docs/glossary.md does not use and
// the test names without a subject; then how often telling words occur in comments, per 1,000 words.
import path from 'node:path';
import { readSources } from '../source-graph';
import { readRepository } from './repository';
import { exportedTwice, ratesOf, unusedWords, withoutSubject } from './rules';

const files = readRepository();

/** `src/auth`, `src/store/redis`, `README.md`. */
function folderOf(file: string): string {
  const parts = file.split('/').slice(0, -1);
  return parts.length === 0 ? file : parts.slice(0, 3).join('/');
}

const folders = new Map<string, string[]>();
for (const { file, prose } of files) {
  const found = [...unusedWords(prose), ...withoutSubject(prose)];
  folders.set(folderOf(file), [...(folders.get(folderOf(file)) ?? []), ...found]);
}

const [, , only] = process.argv;
for (const [folder, found] of [...folders].sort()) {
  if (only ? folder.startsWith(only) : found.length > 0) {
    console.log(`${String(found.length).padStart(5)}  ${folder}`);
    if (only) for (const line of found) console.log(`       ${line}`);
  }
}

const roots = ['src', 'test', 'bench', 'example-app'];
const tables = roots.map((root) =>
  ratesOf(
    files
      .filter(({ file }) => file.startsWith(`${root}/`))
      .flatMap(({ prose }) => prose.filter(({ kind }) => kind === 'comment')),
  ),
);
tables.push(ratesOf(files.filter(({ file }) => file.endsWith('.md')).flatMap(({ prose }) => prose)));

const header = ['per 1,000 words of comment', ...roots, 'pages'];
const rows = Object.keys(tables[0]!.rates).map((name) => [name, ...tables.map(({ rates }) => rates[name]!.toFixed(1))]);
console.log(`\n| ${header.join(' | ')} |\n|${header.map((_, i) => (i === 0 ? '---|' : '---:|')).join('')}`);
for (const row of [['words', ...tables.map(({ words }) => String(words))], ...rows])
  console.log(`| ${row.join(' | ')} |`);

const twice = exportedTwice(
  readSources(path.join(__dirname, '..', '..', '..', 'src')).filter(({ path: file }) => !/console\/web\//.test(file)),
);
if (Object.keys(twice).length > 0) console.log('\nExported by more than one file:', twice);
