import { WORKSPACE } from './harness';
import { dialog, useScene } from './setup';

const scene = useScene();

test('the console creates, shows and changes the optional columns of a key', async () => {
  const { page, open } = await scene.enter();
  await open('#/keys');
  await page.getByRole('button', { name: 'Create key' }).first().click();
  const create = dialog(page, 'Create an API key');
  await create.getByLabel('Name', { exact: true }).fill('Columns');
  await create.getByRole('checkbox').first().check();
  await create.getByText('More options').click();
  await create.getByLabel('Allowed addresses').fill('192.0.2.7/24');
  await create.getByLabel('Id of the owner').fill('u-17');
  await create.getByLabel('Contact').fill('ops@example.com');
  await create.getByRole('textbox', { name: 'Metadata' }).fill('team=billing\nticket = OPS-118');
  await create.getByRole('button', { name: 'Create key' }).click();
  await create.getByText('begins with its first address').waitFor();
  await create.getByLabel('Allowed addresses').fill('192.0.2.0/24\n2001:db8::1');
  await create.getByRole('button', { name: 'Try again' }).click();
  await dialog(page, 'Save the token').waitFor();
  const { keys } = await scene.world.apiKeys.keys.list({ workspaceId: WORKSPACE, q: 'Columns' });
  expect(keys[0]).toMatchObject({
    allowedIps: ['192.0.2.0/24', '2001:db8::1'],
    owner: { kind: 'user', id: 'u-17' },
    contact: 'ops@example.com',
    metadata: { team: 'billing', ticket: 'OPS-118' },
  });
});

test('the console clears optional columns, and the key page shows those that are set', async () => {
  const columns = {
    allowedIps: ['192.0.2.0/24'],
    owner: { kind: 'service', id: 'crm' },
    contact: 'ops@example.com',
    metadata: { team: 'billing' },
  } as const;
  const { id } = await scene.world.create('Cleared', columns);
  const { page, open } = await scene.enter();
  await open(`#/key?key=${id}`);
  for (const text of ['192.0.2.0/24', 'service crm', 'ops@example.com', 'billing']) {
    await page.locator('.facts').getByText(text).first().waitFor();
  }
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  const edit = dialog(page, 'Edit API key');
  await edit.getByLabel('Contact').fill('');
  await edit.getByRole('textbox', { name: 'Metadata' }).fill('');
  await edit.getByLabel('Owner is a').selectOption('user');
  await edit.getByRole('button', { name: 'Save' }).click();
  await page.getByText('was saved').waitFor();
  expect(await scene.world.apiKeys.keys.get(id)).toMatchObject({
    allowedIps: ['192.0.2.0/24'],
    owner: { kind: 'user', id: 'crm' },
    contact: null,
    metadata: {},
  });
});
