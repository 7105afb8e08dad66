import { cpSync } from 'node:fs';
import path from 'node:path';
import { compile, createWorkshop, install, ownVersion, packPackage, writeFiles } from '../support/package';

/** A program that uses every function and names every type, and would not compile if one of them were wrong. */
const PROGRAM = `
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import {
  createApiKeys, type ApiKey, type ApiKeys, type CreatedKey, type CreateKeyInput, type KeyList, type KeyService,
  type ProjectConfiguration, type AuditList, type Usage, type Verification, type ChangeAllOptions, type ChangedKeys,
  type KeyFilterInput, type KeyMetadata, type KeyOwner, type KeySelection, type KeyStatus,
} from 'keyscope';

export const apiKeys = createApiKeys({ permissions: { conversations: { label: 'c' }, handoff: { label: 'h' } } });
const app = express();
app.get('/:account/:id', apiKeys.requireApiKey('conversations', { agent: 'id' }), apiKeys.redactResponse(),
  apiKeys.requireFeature('transcript'), (req, res) => {
    const id: string = req.params.id;
    // @ts-expect-error The route has no such parameter.
    const typo: string = req.params.idd;
    const apiKey = apiKeys.apiKeyOf(req);
    const allowed: boolean = apiKey.scope.has('conversations');
    // @ts-expect-error There is no such permission.
    apiKey.scope.has('conversatoins');
    res.json({ id, typo, allowed, caller: req.apiKey?.name });
  });

interface Params { id: string }
function typed(req: Request<Params, { ok: boolean }, { a: number }, { q?: string }>, res: Response<{ ok: boolean }>): void {
  res.json({ ok: req.params.id === req.query.q });
}
app.post('/typed/:id', apiKeys.requireApiKey('handoff'), typed);
app.get('/inline/:id', apiKeys.requireApiKey(), (req: Request<{ id: string }>, res) => { res.send(req.params.id); });
app.use(apiKeys.requireApiKey(), apiKeys.redactResponse());
app.use('/admin', apiKeys.adminRouter({ authenticate: () => null }));
const router = Router({ mergeParams: true });
router.use(apiKeys.requireApiKey(), apiKeys.redactResponse());
router.get('/:k', apiKeys.requireApiKey({ anyOf: ['handoff'] }), (req, res) => { res.send(req.params.k); });
router.route('/r/:k').get(apiKeys.requireApiKey(), (req, res) => { res.send(req.params.k); });
export const handlers: RequestHandler[] = [apiKeys.requireApiKey('handoff'), apiKeys.redactResponse()];
app.get('/array', handlers, (_req: Request, res: Response) => { res.send(''); });

export type Permission = 'conversations' | 'handoff';
export const same: ApiKeys<Permission> = apiKeys;
export const service: KeyService<Permission> = apiKeys.keys;
export const create = (input: CreateKeyInput<Permission>): Promise<CreatedKey<Permission>> => apiKeys.keys.create(input);
export const list = async (): Promise<[KeyList, ApiKey[]]> => { const page = await apiKeys.keys.list(); return [page, page.keys]; };
export const configure = (id: string): Promise<ProjectConfiguration> => apiKeys.projects.get(id);
export const audit = (): Promise<AuditList> => apiKeys.audit.list();
export const owner: KeyOwner = { kind: 'user', id: 'u-17' };
export const filter: KeyFilterInput<Permission> = { owner, status: 'active' satisfies KeyStatus, permission: 'handoff' };
// @ts-expect-error There is no such permission.
export const wrong: KeyFilterInput<Permission> = { permission: 'conversatoins' };
export const revoke = (selection: KeySelection<Permission>, options: ChangeAllOptions): Promise<ChangedKeys<Permission>> =>
  apiKeys.keys.revokeAll({ ...filter, ...selection }, options);
export async function factsOf(id: string): Promise<[KeyMetadata, Date | null]> {
  const { metadata, expiresAt } = await apiKeys.keys.get(id);
  // @ts-expect-error A key can have no expiry.
  expiresAt.getTime();
  return [metadata, expiresAt];
}
export const usage = (id: string): Promise<Usage> => apiKeys.usage(id);
export async function check(token: string): Promise<Verification<Permission>> {
  const result = await apiKeys.verify(token);
  // @ts-expect-error There is no such permission.
  if (result.ok) result.key.scope.has('conversatoins');
  return result;
}
// If there are no annotations, the declaration file has to name every type.
export const inferred = { rotate: apiKeys.keys.rotate, on: apiKeys.on, import: apiKeys.keys.import, ready: () => apiKeys.health() };
`;

/**
 * Compilers from the oldest to the newest that the README names, installed for this test alone. Before 5.4, declarations of
 * zod cannot be read, so those of libraries are not checked. Before 5.9, declarations of Node 20 are of an early release.
 */
const COMPILERS = [
  { compiler: 'typescript@5.0.4', node: '20.11.30', skipLibCheck: true },
  { compiler: 'typescript@5.4.5', node: '20.11.30', skipLibCheck: false },
  { compiler: 'typescript@5.9.3', node: ownVersion('@types/node'), skipLibCheck: false },
  { compiler: 'typescript@6.0.3', node: ownVersion('@types/node'), skipLibCheck: false },
  { compiler: 'typescript@7.0.2', node: ownVersion('@types/node'), skipLibCheck: false },
] as const;
const EXPRESS = { 4: ownVersion('types-express4'), 5: ownVersion('@types/express') } as const;
const PROJECTS = [
  { resolution: 'node16', module: 'node16', express: 5 },
  { resolution: 'bundler', module: 'esnext', express: 5 },
  { resolution: 'nodenext', module: 'nodenext', express: 4 },
] as const;

// Compilers written in JavaScript are slow on a busy machine. The limit is only against hangs.
jest.setTimeout(300_000);

let workshop: Awaited<ReturnType<typeof createWorkshop>>;
const folderOf = (express: 4 | 5, node: string) => path.join(workshop.folder, `express-${express}-node-${node}`);
const nameOf = (compiler: string) => compiler.replace('@', '-');

beforeAll(async () => {
  workshop = await createWorkshop();
  const { folder } = workshop;
  const compilers = COMPILERS.map(({ compiler }) => [nameOf(compiler), `npm:${compiler}`]);
  await install(folder, { keyscope: `file:${await packPackage(folder)}`, ...Object.fromEntries(compilers) });
  for (const express of [4, 5] as const) {
    for (const node of new Set(COMPILERS.map((each) => each.node))) {
      const types = folderOf(express, node);
      await install(types, { '@types/express': EXPRESS[express], '@types/node': node });
      // The package finds declarations beside itself, and its dependencies in the folder above.
      const copied = path.join('node_modules', 'keyscope');
      cpSync(path.join(folder, copied), path.join(types, copied), { recursive: true });
    }
  }
}, 300_000);

afterAll(() => workshop.remove());

test.each(COMPILERS.flatMap((each) => PROJECTS.map((project) => ({ ...each, ...project }))))(
  "middleware keeps Express' types and all types can be named with $compiler, $resolution resolution and @types/express $express",
  async ({ compiler, node, skipLibCheck, resolution, module, express }) => {
    const folder = path.join(folderOf(express, node), `${nameOf(compiler)}-${resolution}`);
    const compilerOptions = {
      ...{ strict: true, exactOptionalPropertyTypes: true, composite: true, skipLibCheck, target: 'es2022' },
      ...{ module, moduleResolution: resolution, types: ['node'], outDir: 'out' },
    };
    writeFiles(folder, {
      'package.json': { type: 'module' },
      'tsconfig.json': { compilerOptions, include: ['program.ts'] },
      'program.ts': PROGRAM,
    });
    const modules = path.join(workshop.folder, 'node_modules');
    expect(await compile(folder, modules, nameOf(compiler))).toMatchObject({ code: 0, stdout: '' });
  },
);
