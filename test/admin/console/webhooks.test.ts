import { waitUntil } from '../../support/wait-until';
import { WORKSPACE } from './harness';
import { useScene } from './setup';

const scene = useScene();
const CONTEXT = { workspaceId: WORKSPACE, actor: 'admin@acme.example' };

/** Disables a key, whose webhook the endpoint denies for good. */
async function fail(name: string): Promise<string> {
  const { apiKeys, create, hook } = scene.world;
  hook.status = 410;
  const { id } = await create(name);
  await apiKeys.keys.update(id, { disabled: true }, CONTEXT);
  await waitUntil('the webhook has failed', async () => (await apiKeys.webhooks.failed())[0]?.target === id);
  return id;
}

test('the webhooks page lists endpoints and what was not delivered, and sends it again', async () => {
  const { hook, apiKeys } = scene.world;
  const id = await fail('Undelivered');
  const { page, open } = await scene.enter();
  await open();
  await page.getByRole('link', { name: 'Webhooks' }).click();
  await page.locator('.endpoints').getByText(hook.url).waitFor();
  await page.locator('.endpoints').getByText('key.disabled').waitFor();
  const item = page.locator('.failed .entry').filter({ hasText: id });
  await item.getByText('The endpoint responded with 410. After 1 attempt').waitFor();
  hook.status = 204;
  const before = hook.received;
  await item.getByRole('button', { name: 'Send again' }).click();
  await page.getByRole('status').filter({ hasText: 'is being sent again' }).waitFor();
  await page.getByText('Every webhook has been delivered').waitFor();
  await waitUntil('the webhook has arrived', () => hook.received === before + 1);
  expect(await apiKeys.webhooks.failed()).toEqual([]);
});

test('the webhooks page says that another operator has sent a webhook again', async () => {
  const { apiKeys, hook } = scene.world;
  const id = await fail('Sent by another');
  const { page, open } = await scene.enter();
  await open('#/webhooks');
  const item = page.locator('.failed .entry').filter({ hasText: id });
  await item.waitFor();
  hook.status = 204;
  const before = hook.received;
  const [failed] = await apiKeys.webhooks.failed();
  await apiKeys.webhooks.replay(failed!.id);
  // While it is sent, another one to this endpoint, which has failed, would be postponed.
  await waitUntil('the webhook has arrived', () => hook.received === before + 1);
  await item.getByRole('button', { name: 'Send again' }).click();
  await page.getByRole('status').filter({ hasText: 'has been sent again already' }).waitFor();
  await item.waitFor({ state: 'detached' });
});

test('the webhooks page shows the key of a webhook, and a read-only operator cannot send it again', async () => {
  const id = await fail('For a reader');
  const { page, open } = await scene.enter({ readOnly: true });
  await open('#/webhooks');
  const item = page.locator('.failed .entry').filter({ hasText: id });
  await item.waitFor();
  expect(await page.getByRole('button', { name: 'Send again' }).count()).toBe(0);
  await item.getByRole('link', { name: id }).click();
  await page.getByRole('heading', { name: 'For a reader' }).waitFor();
});
