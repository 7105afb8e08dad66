import { createPlatformKeys } from '../../example-app/api-keys';
import { createRequestLog } from '../../example-app/logging';
import { createPlatform, PROJECT, V3, WORKSPACE } from './support';

test('the request log has key ids, codes and paths, and no token, header or query', async () => {
  const lines: string[] = [];
  const logged = createPlatformKeys();
  const platform = await createPlatform({
    apiKeys: logged,
    requestLog: createRequestLog(logged, { write: (line) => lines.push(line) }),
  });
  const { key, token } = await logged.keys.create({
    workspaceId: WORKSPACE,
    name: 'CRM',
    agents: [PROJECT],
    permissions: ['conversations'],
  });
  await platform.get(`${V3}?limit=1&variant_name=secret`, token).set('cookie', 'a=secret').expect(200);
  await platform.get(`/v1/${WORKSPACE}/${PROJECT}/handoff_state?id=secret`, token).expect(403);
  await platform.get(V3).expect(401);

  expect(lines.join('')).not.toMatch(new RegExp(`${token}|secret`));
  const entries = lines.map((line) => JSON.parse(line));
  expect(entries.map(({ req, res, keyId, code }) => [req.path, res.status, keyId, code])).toEqual([
    [V3, 200, key.id, undefined],
    [`/v1/${WORKSPACE}/${PROJECT}/handoff_state`, 403, undefined, 'PERMISSION_DENIED'],
    [V3, 401, undefined, 'MISSING_KEY'],
  ]);
});
