import { readFileSync } from 'node:fs';
import path from 'node:path';
import { listFiles } from '../source-graph';
import { type Prose, proseOfCode, proseOfPage, proseOfScript } from './prose';

const ROOT = path.join(__dirname, '..', '..', '..');
const SKIP = /^(?:node_modules|dist|coverage|\.git|screenshots|package-lock\.json)$/;
/** These quote the words. */
const QUOTES = ['docs/glossary.md', 'test/support/language/rules.ts', 'test/language.test.ts'];

export interface WrittenFile {
  readonly file: string;
  readonly source: string;
  readonly prose: readonly Prose[];
}

function proseOf(file: string, source: string): Prose[] {
  if (/\.(?:ts|tsx|mjs|js)$/.test(file)) return proseOfCode(file, source);
  if (file.endsWith('.md')) return proseOfPage(file, source);
  return /\.(?:sh|css|ya?ml)$|^\.ci\/run$/.test(file) ? proseOfScript(file, source) : [];
}

/** Every file that is written by hand and has English in it. */
export function readRepository(): WrittenFile[] {
  return listFiles(ROOT, (name) => SKIP.test(name))
    .filter((file) => !QUOTES.includes(file))
    .map((file) => ({ file, source: readFileSync(path.join(ROOT, file), 'utf8') }))
    .map(({ file, source }) => ({ file, source, prose: proseOf(file, source) }))
    .filter(({ prose }) => prose.length > 0);
}
