import type { Page } from 'playwright-core';
import { WORKSPACE } from './harness';
import { dialog, row, useScene } from './setup';

const scene = useScene();

const MATCHING = 'Change all matching keys';
const OF_OWNER = 'Revoke the keys of an owner';

async function createSeveral(count: number, prefix: string, more: Parameters<typeof scene.world.create>[1] = {}) {
  const keys: { readonly id: string; readonly token: string }[] = [];
  for (let i = 0; i < count; i++) keys.push(await scene.world.create(`${prefix} ${i}`, more));
  return keys;
}

async function statesOf(keys: readonly { readonly token: string }[]): Promise<string[]> {
  const results = await Promise.all(keys.map(({ token }) => scene.world.apiKeys.verify(token)));
  return results.map((result) => (result.ok ? 'allowed' : result.error.code));
}

/** Opens the dialog for the keys that the page shows. */
async function changeMatching(page: Page) {
  await page.getByRole('button', { name: 'Disable or delete all that match' }).click();
  return dialog(page, MATCHING);
}

test('the keys of an owner are counted, then deleted when the operator confirms their number', async () => {
  const { world, enter } = scene;
  const owner = { kind: 'user', id: 'u-17' } as const;
  const theirs = await createSeveral(3, 'Of the leaver', { owner });
  const others = await createSeveral(1, 'Of a colleague', { owner: { kind: 'user', id: 'u-18' } });
  const { page, open } = await enter();
  await open();
  await page.getByRole('button', { name: 'Revoke by owner' }).click();
  const form = dialog(page, OF_OWNER);
  await form.getByRole('button', { name: 'Count keys' }).click();
  await form.getByText('Enter the id of the owner.').waitFor();
  await form.getByRole('textbox', { name: 'Id of the owner' }).fill('u-17');
  await form.getByRole('button', { name: 'Count keys' }).click();
  await form.getByText('3 keys will be deleted.').waitFor();
  expect(await form.getByRole('listitem').allTextContents()).toEqual([
    expect.stringContaining('Of the leaver'),
    expect.stringContaining('Of the leaver'),
    expect.stringContaining('Of the leaver'),
  ]);
  expect(await statesOf(theirs)).toEqual(['allowed', 'allowed', 'allowed']);
  await form.getByRole('button', { name: 'Delete 3 keys' }).click();
  await form.getByText('3 keys were deleted.').waitFor();
  expect(await statesOf([...theirs, ...others])).toEqual(['invalid_key', 'invalid_key', 'invalid_key', 'allowed']);
  await form.getByRole('button', { name: 'Done' }).click();
  await row(page, 'Of a colleague').waitFor();
  expect(await row(page, 'Of the leaver').count()).toBe(0);
  const { entries } = await world.apiKeys.audit.list({ workspaceId: WORKSPACE, action: 'key.deleted' });
  expect(entries.map(({ actor }) => actor)).toEqual(Array(3).fill('operator@acme-uk.example'));
});

test('keys that match the filters are disabled, and nothing changes when the operator cancels', async () => {
  const { enter } = scene;
  const keys = await createSeveral(2, 'Batch', { metadata: { team: 'billing' } });
  const disabled = await createSeveral(1, 'Batch, disabled', { metadata: { team: 'billing' } });
  await scene.world.apiKeys.keys.update(disabled[0]!.id, { disabled: true });
  const { page, open } = await enter();
  await open('#/keys?q=batch&metadata=team%3Dbilling');
  await (await changeMatching(page)).getByText('2 keys will be disabled.').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  expect(await statesOf(keys)).toEqual(['allowed', 'allowed']);
  const again = await changeMatching(page);
  await again.getByLabel('Delete').check();
  await again.getByText('3 keys will be deleted.').waitFor();
  await again.getByLabel('Disable').check();
  await again.getByRole('button', { name: 'Disable 2 keys' }).click();
  await again.getByText('2 keys were disabled.').waitFor();
  expect(await statesOf(keys)).toEqual(['disabled_key', 'disabled_key']);
  await again.getByRole('button', { name: 'Done' }).click();
  await row(page, 'Batch 1').getByText('Disabled').waitFor();
  await (await changeMatching(page)).getByText('No key would be disabled.').waitFor();
});

test('an interrupted change says how many keys it has changed, and goes on after them', async () => {
  const { enter } = scene;
  const keys = await createSeveral(401, 'Many', { owner: { kind: 'service', id: 'many' } });
  const { page, open } = await enter();
  await open('#/keys?owner=service%3Amany');
  let requests = 0;
  await page.route('**/disable-all', async (route) => {
    const { dryRun } = route.request().postDataJSON() as { dryRun?: boolean };
    if (dryRun !== true) requests += 1;
    if (requests === 2) await route.abort();
    else await route.continue();
  });
  const form = await changeMatching(page);
  await form.getByRole('button', { name: 'Disable 401 keys' }).click();
  await form.getByText('Stopped. At least 200 keys were disabled.').waitFor();
  await form.getByText('The server cannot be reached').waitFor();
  expect((await statesOf(keys)).filter((state) => state === 'allowed')).toHaveLength(201);
  await form.getByRole('button', { name: 'Continue with the others' }).click();
  await form.getByText('At least 401 keys were disabled.').waitFor();
  expect(new Set(await statesOf(keys))).toEqual(new Set(['disabled_key']));
});

test('an operator stops a change after the request in progress', async () => {
  const { enter } = scene;
  const keys = await createSeveral(201, 'Stopped', { owner: { kind: 'service', id: 'stopped' } });
  const { page, open } = await enter();
  await open('#/keys?owner=service%3Astopped');
  let proceed = () => {};
  const held = new Promise<void>((resolve) => {
    proceed = resolve;
  });
  const form = await changeMatching(page);
  await form.getByText('201 keys will be disabled.').waitFor();
  await page.route('**/disable-all', async (route) => {
    await held;
    await route.continue();
  });
  await form.getByRole('button', { name: 'Disable 201 keys' }).click();
  await form.getByText('0 of 201 keys disabled').waitFor();
  await form.getByRole('button', { name: 'Stop' }).click();
  await form.locator('button[aria-busy=true]').waitFor();
  proceed();
  await form.getByText('Stopped. 200 keys were disabled.').waitFor();
  expect((await statesOf(keys)).filter((state) => state === 'allowed')).toHaveLength(1);
  await form.getByRole('button', { name: 'Continue with the others' }).click();
  await form.getByText('201 keys were disabled.').waitFor();
});

test('an owner that the server rejects is explained, and no key changes', async () => {
  const { page, open } = await scene.enter();
  await open();
  await page.getByRole('button', { name: 'Revoke by owner' }).click();
  const form = dialog(page, OF_OWNER);
  await form.getByRole('textbox', { name: 'Id of the owner' }).fill('u'.repeat(300));
  await form.getByRole('button', { name: 'Count keys' }).click();
  await form.getByText("null or 'none' for keys without an owner").waitFor();
  expect(await form.getByRole('button', { name: /^Delete/ }).count()).toBe(0);
});

test('the keys of the whole workspace cannot be changed at once, nor can a read-only operator change any', async () => {
  await createSeveral(1, 'Alone');
  const { page, open } = await scene.enter();
  await open('#/keys?dialog=change-all');
  await row(page, 'Alone').waitFor();
  expect(await page.getByRole('dialog').count()).toBe(0);
  expect(await page.getByRole('button', { name: 'that match' }).count()).toBe(0);
  const reader = await scene.enter({ readOnly: true });
  await reader.open('#/keys?q=alone&dialog=change-all');
  await row(reader.page, 'Alone').waitFor();
  expect(await reader.page.getByRole('dialog').count()).toBe(0);
  expect(await reader.page.getByRole('button', { name: /that match|by owner/ }).count()).toBe(0);
});
