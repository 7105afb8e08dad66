import path from 'node:path';
import { proseOfCode, proseOfPage, proseOfScript } from './support/language/prose';
import { readRepository } from './support/language/repository';
import { exportedTwice, ratesOf, unusedWords, withoutSubject } from './support/language/rules';
import { parseSources, readSources } from './support/source-graph';

const repository = readRepository();

/** Below this, one sentence decides the rate. */
const ENOUGH_WORDS = 500;

describe('the repository', () => {
  test('comments, messages, test names and pages use the words of docs/glossary.md', () => {
    expect(repository.flatMap(({ prose }) => unusedWords(prose))).toEqual([]);
  });

  test('test names begin with a subject', () => {
    expect(repository.flatMap(({ prose }) => withoutSubject(prose))).toEqual([]);
  });

  test.each(['src/', 'test/', 'bench/', 'example-app/', 'docs/'])(
    'comments and pages in %s say if and when for conditions, and where for places',
    (root) => {
      const prose = repository.filter(({ file }) => file.startsWith(root)).flatMap((file) => file.prose);
      const { words, rates } = ratesOf(prose.filter(({ kind }) => kind === 'comment' || kind === 'page'));
      const { if: conditions, where, what } = words < ENOUGH_WORDS ? { if: 5, where: 0, what: 0 } : rates;
      expect({ root, where: where! <= 2, what: what! <= 5 }).toEqual({ root, where: true, what: true });
      // Tests have their conditions in names, which say "when".
      if (root === 'src/') expect(conditions).toBeGreaterThanOrEqual(5);
    },
  );

  test('no two files of src export the same name', () => {
    const src = readSources(path.join(__dirname, '..', 'src')).filter(({ path: file }) => !/console\/web\//.test(file));
    expect(exportedTwice(src)).toEqual({});
  });
});

describe('the rules', () => {
  const comment = (text: string) => proseOfCode('src/a.ts', `/** ${text} */\nexport const a = 1;\n`);

  test.each([
    'Whoever asks is told.',
    'The key is remembered for a second.',
    'Connects anew.',
    'Keys that are let in.',
    'Bodies that are let through.',
    'Its name, too.',
    'All fields, bar the last.',
    'What is stored of a key.',
    'Two rows, of which one is empty.',
  ])('unusedWords finds the word in: %s', (text) => {
    expect(unusedWords(comment(text))).toHaveLength(1);
  });

  test.each([
    'Too many keys.',
    'What happens if Redis stops? The request is denied.',
    'The bar above the table.',
    'Reads the key again.',
  ])('unusedWords allows: %s', (text) => {
    expect(unusedWords(comment(text))).toEqual([]);
  });

  test.each([
    ['a comment at the end of a line', 'const a = 1; // nobody reads it\n', 'src/a.ts'],
    ['a comment over two lines', '// Connects\n// anew.\n', 'src/a.ts'],
    ['a message', "throw new Error('The store let nobody in.');\n", 'src/a.ts'],
    ['a template', 'const a = `Key $' + '{1} is for nobody here.`;\n', 'src/a.ts'],
    ['a test name', "test('nobody is asked', () => {});\n", 'test/a.test.ts'],
    ['a name for test.each', "test.each([1])('nobody is %s', () => {});\n", 'test/a.test.ts'],
    ['a row of test names', "test.each(['a body that nobody reads'])('%s is sent', () => {});\n", 'test/a.test.ts'],
    ['a member that names a test', "export const WAYS = { 'a body that nobody reads': 1 };\n", 'test/ways.ts'],
    ['text in JSX', 'export const a = <p>You and nobody else</p>;\n', 'src/a.tsx'],
  ])('proseOfCode reads %s', (_, source, file) => {
    expect(unusedWords(proseOfCode(file, source))).not.toEqual([]);
  });

  test('proseOfCode leaves identifiers and payloads alone', () => {
    expect(proseOfCode('src/a.ts', "const nobody = 'nobody'; send('somebody');\n")).toEqual([]);
  });

  test('pages and scripts are read with the line of each paragraph', () => {
    expect(unusedWords(proseOfPage('docs/a.md', '# Title\n\nText.\n\nFor nobody.\n'))[0]).toMatch(/^docs\/a\.md:5:/);
    expect(unusedWords(proseOfScript('a.sh', 'run\n# for nobody\n'))[0]).toMatch(/^a\.sh:2:/);
  });

  test.each([
    ['is denied when the key has expired', 1],
    ['without a key, 401', 1],
    ['returns the key', 1],
    ['returns are typed', 0],
    ['requireApiKey responds 401 when the header is empty', 0],
    ['%s is denied', 0],
  ])('withoutSubject judges %j', (name, found) => {
    expect(withoutSubject(proseOfCode('test/a.test.ts', `test('${name}', () => {});`))).toHaveLength(found);
  });

  test('exportedTwice finds a type and a function of one name in two files', () => {
    const sources = parseSources({
      'a.ts': 'export interface Route { a: 1 }\nexport const one = 1;',
      'b.ts': "export function Route() {}\nexport { one } from './a';",
    });
    expect(exportedTwice(sources)).toEqual({ Route: ['a.ts', 'b.ts'] });
  });
});
