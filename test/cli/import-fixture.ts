import { createHash } from 'node:crypto';
import { createWorld, type World } from './harness';

export const SCOPE = ['--agents', 'all', '--permissions', 'conversations'];

export const sha256 = (token: string, encoding: 'hex' | 'base64' | 'base64url' = 'hex') =>
  createHash('sha256').update(token).digest(encoding);

let count = 0;

/** A workspace of the test's own, with one token, and the result of importing it. */
function importFixture(world: World) {
  count += 1;
  const workspace = `import-${count}`;
  const token = `legacy_${count}_0123456789abcdefghij`;
  async function importFrom(input: string, argv: readonly string[] = SCOPE, env?: Record<string, string>) {
    return world.run(['import', '-', '--workspace', workspace, ...argv], { input, env });
  }
  async function summary(input: string, argv: readonly string[] = SCOPE) {
    const { code, stdout, stderr } = await importFrom(input, [...argv, '--json']);
    return { code, stderr, ...(stdout === '' ? {} : JSON.parse(stdout)) };
  }
  /** The key of the workspace, or the one with the name. */
  async function key(name?: string) {
    const search = name === undefined ? [] : ['--search', name];
    const { stdout } = await world.run(['keys', 'list', '--json', '--workspace', workspace, ...search]);
    return stdout === '' ? null : JSON.parse(stdout.split('\n')[0] as string);
  }
  /** Imports, expects this summary, and no key. Returns the summary. */
  async function expectNoKey(input: string, expected: object, argv?: readonly string[]) {
    const result = await summary(input, argv);
    expect(result).toMatchObject({ imported: 0, ...expected });
    expect(await key()).toBeNull();
    return result;
  }
  return { workspace, token, importFrom, summary, key, expectNoKey };
}

/** Surroundings of a test file, and a fixture for each of its tests. */
export function useImports() {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(() => world.end());
  return {
    run: (argv: readonly string[]) => world.run(argv),
    fixture: () => importFixture(world),
  };
}

export const csv = (token: string, column: string, value: string) => `token,name,${column}\n${token},CRM,${value}\n`;
export const jsonl = (row: object) => `${JSON.stringify(row)}\n`;
