import { waitUntil } from '../../support/wait-until';
import { WORKSPACE } from './harness';
import { useScene } from './setup';

const scene = useScene();

test('the reports page shows what routes in report mode would have denied or removed', async () => {
  const { address, apiKeys, create } = scene.world;
  const { page, open } = await scene.enter();
  await open('#/reports');
  await page.getByText('Nothing was reported').waitFor();

  const allowed = await create('Ready');
  const denied = await create('Not ready', { permissions: ['handoff'] });
  for (const { token } of [allowed, allowed, denied]) {
    await (await fetch(`${address}/trial/unknown`, { headers: { 'x-api-key': token } })).arrayBuffer();
  }
  await waitUntil('all is counted', async () => (await apiKeys.reports({ workspaceId: WORKSPACE })).total === 4);
  await page.reload();
  await page.getByText('4 reports', { exact: true }).waitFor();
  const rowOf = (text: string) => page.locator('.reports tbody tr').filter({ hasText: text });
  const removed = rowOf('Without transcript');
  for (const text of ['2', 'GET /trial/:project', allowed.id]) await removed.getByText(text, { exact: true }).waitFor();
  await rowOf('Your check allowed it, keyscope denies it: permission_denied').getByText(denied.id).waitFor();
  await page.getByRole('heading', { name: 'Would be denied 1' }).waitFor();
  await page.getByLabel('Days').selectOption('Today');
  await page.getByText('4 reports', { exact: true }).waitFor();
  expect(new URL(page.url()).hash).toBe('#/reports?days=1');
  await removed.getByRole('link', { name: allowed.id }).click();
  await page.getByRole('heading', { name: 'Ready' }).waitFor();
});
