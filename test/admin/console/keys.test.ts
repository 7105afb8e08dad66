import { OTHER_PROJECT, PROJECT, WORKSPACE } from './harness';
import { choose, dialog, focused, row, useScene } from './setup';

const scene = useScene();

/** Uses are known to the minute. */
const RECENTLY = /^(?:just now|\d+ minutes? ago)$/;

const read = (id: string) => scene.world.apiKeys.keys.get(id, { workspaceId: WORKSPACE });

test('a row shows the key, its scope and its usage', async () => {
  const { world, enter } = scene;
  const key = await world.create('Nightly analytics', { agents: [PROJECT], expiresIn: '6d' });
  await world.create('Long lived', { permissions: ['handoff', 'external_events'], expiresIn: '300d' });
  await world.create('Two agents', { agents: [PROJECT, OTHER_PROJECT] });
  await world.use(key, 3);
  await world.use(key, 2, '/v3/acme-uk/acme-bookings/conversations');
  // The table has a column for the chart only on a wide screen.
  const { page, open } = await enter({ viewport: { width: 1440, height: 900 } });
  await open();
  const item = row(page, 'Nightly analytics');
  for (const text of ['Acme front desk', 'Conversations data', 'in 6 days', RECENTLY]) {
    await item.getByText(text).waitFor();
  }
  const { expiresAt } = await read(key.id);
  const date = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'Europe/London' }).format(expiresAt!);
  expect(await item.locator('.cell-expires').textContent()).toBe(`${date} in 6 days`);
  await item.getByRole('img', { name: '5 requests in 30 days' }).waitFor();
  expect(await item.locator('time').first().getAttribute('title')).toMatch(
    /^\d{1,2} \w+ \d{4}, \d\d:\d\d (?:GMT|BST)$/,
  );
  const other = row(page, 'Long lived');
  for (const text of ['All agents', 'Handoff', 'Never']) await other.getByText(text, { exact: true }).waitFor();
  expect(await other.locator('.cell-permissions').textContent()).toBe('Handoff +1: External events');
  const agents = row(page, 'Two agents').locator('.cell-agents');
  expect(await agents.textContent()).toBe('2 agents');
  expect(await agents.locator('[title]').getAttribute('title')).toContain(`Acme front desk (${PROJECT})`);
  const total = (await scene.world.apiKeys.keys.list({ workspaceId: WORKSPACE })).keys.length;
  await page.getByText(`${total} keys`, { exact: true }).waitFor();
});

test('keys are searched by name, id and masked token and sorted, and the URL keeps it', async () => {
  const { world, enter } = scene;
  await world.create('zebra grain', { expiresIn: '3d' });
  await world.create('aardvark grain', { expiresIn: '30d' });
  await world.create('Searched for nothing');
  const { page, open } = await enter();
  await open();
  // A search that is filled in earlier may be answered before the first list has been shown.
  await row(page, 'Searched for nothing').waitFor();
  await page.getByLabel('Search keys').fill('GRAIN');
  await row(page, 'Searched for nothing').waitFor({ state: 'detached' });
  expect(await page.locator('.keys .cell-name bdi').allTextContents()).toEqual(['aardvark grain', 'zebra grain']);
  await page.getByLabel('Sort').selectOption('expires');
  await page.locator('.keys:not(.stale) tbody tr:first-child').filter({ hasText: 'zebra' }).waitFor();
  await page.getByLabel('Search keys').fill('nothing like it');
  await page.getByText('No key matches “nothing like it”').waitFor();
  await page.getByRole('button', { name: 'Show all keys' }).click();
  const zebra = await world.apiKeys.keys.list({ workspaceId: WORKSPACE, q: 'zebra' });
  const { id, masked } = zebra.keys[0]!;
  for (const text of [id, id.slice(-6).toLowerCase(), masked, masked.slice(-4)]) {
    await page.getByLabel('Search keys').fill(text);
    await row(page, 'aardvark').waitFor({ state: 'detached' });
    await row(page, 'zebra').waitFor();
    await page.getByLabel('Search keys').fill('grain');
    await row(page, 'aardvark').waitFor();
  }
  await page.getByLabel('Search keys').fill('zebra');
  await row(page, 'aardvark').waitFor({ state: 'detached' });
  await page.reload();
  await row(page, 'zebra').waitFor();
  expect(await page.getByLabel('Search keys').inputValue()).toBe('zebra');
  expect(await page.getByLabel('Sort').inputValue()).toBe('expires');
});

test('keys are filtered, also with a search, and the URL keeps the filters', async () => {
  const { world, enter } = scene;
  await world.create('oat mill', { agents: [PROJECT], owner: { kind: 'user', id: 'u-17' }, expiresIn: '5d' });
  const { id } = await world.create('oat store', { permissions: ['handoff'], createdBy: 'grace@acme.example' });
  await world.apiKeys.keys.update(id, { disabled: true }, { workspaceId: WORKSPACE });
  const metadata = { team: 'billing' };
  await world.create('oat field', { permissions: ['external_events'], agents: [OTHER_PROJECT], metadata });
  const { page, open } = await enter({ viewport: { width: 1440, height: 900 } });
  await open('#/keys?q=oat');
  await page.getByText('3 keys', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Filters', exact: true }).click();
  const form = page.getByRole('search', { name: 'Filters' });
  const shows = async (names: readonly string[]) => {
    await page.getByText(names.length === 1 ? '1 key' : `${names.length} keys`, { exact: true }).waitFor();
    for (const name of names) await row(page, name).waitFor();
  };
  await form.getByLabel('Status').selectOption('Disabled');
  await shows(['oat store']);
  await form.getByLabel('Status').selectOption('Active');
  await shows(['oat mill', 'oat field']);
  await form.getByLabel('Permission').selectOption('External events');
  await shows(['oat field']);
  await form.getByLabel('Permission').selectOption('Any');
  await form.getByLabel('Agent').selectOption('Acme front desk');
  await shows(['oat mill']);
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await shows(['oat mill', 'oat store', 'oat field']);
  await form.getByLabel('Created by').fill('grace@acme.example');
  await shows(['oat store']);
  await form.getByLabel('Created by').fill('');
  await form.getByLabel('Metadata').fill('team=billing');
  await shows(['oat field']);
  await form.getByLabel('Metadata').fill('');
  await form.getByLabel('Owner').fill('user:u-17');
  await shows(['oat mill']);
  await form.getByLabel('Expires within').selectOption('7 days');
  await page.getByRole('button', { name: 'Filters (2)' }).waitFor();
  await page.reload();
  await shows(['oat mill']);
  expect(await form.getByLabel('Owner').inputValue()).toBe('user:u-17');
  expect(new URL(page.url()).hash).toBe('#/keys?q=oat&owner=user%3Au-17&expiringWithin=7d');
  await form.getByLabel('Environment').fill('live');
  await page.getByText('No key matches “oat” and the filters.').waitFor();
  await page.getByRole('button', { name: 'Show all keys' }).click();
  await row(page, 'oat field').waitFor();
  expect(new URL(page.url()).hash).toBe('#/keys');
});

test('the edit dialog changes name and permissions', async () => {
  const { world, enter } = scene;
  const { id } = await world.create('Old name');
  const { page, open } = await enter();
  await open();
  await page.getByRole('button', { name: 'Edit Old name' }).click();
  const form = dialog(page, 'Edit API key');
  await form.getByRole('textbox', { name: 'Name' }).fill('New name');
  await form.getByLabel('Handoff').check();
  await form.getByRole('button', { name: 'Save' }).click();
  await row(page, 'New name').getByText('Handoff').waitFor();
  await page.getByRole('status').filter({ hasText: '“New name” was saved' }).waitFor();
  expect(await read(id)).toMatchObject({ name: 'New name', permissions: ['conversations', 'handoff'] });
});

test('the rotate dialog shows a new key and revokes the old one at once', async () => {
  const { world, enter } = scene;
  const { id, token } = await world.create('To rotate');
  const { page, open } = await enter();
  await open();
  await choose(page, 'To rotate', 'Rotate');
  const form = dialog(page, 'Rotate API key');
  await form.getByLabel('Revoke at once').check();
  await form.getByRole('button', { name: 'Rotate key' }).click();
  const fresh = await dialog(page, 'Save the token').getByLabel('Token of').inputValue();
  expect(await world.apiKeys.verify(fresh)).toMatchObject({ ok: true });
  expect(await world.apiKeys.verify(token)).toMatchObject({ ok: false });
  expect((await read(id)).rotatedTo).not.toBeNull();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'I have saved it' }).click();
  await page.locator('.badge', { hasText: 'Rotated' }).waitFor();
  expect(await row(page, 'To rotate').count()).toBe(2);
});

test('a key is disabled, enabled and deleted, and each dialog shows its usage', async () => {
  const { world, enter } = scene;
  const key = await world.create('Partner feed');
  const { id } = key;
  await world.use(key, 4);
  const { page, open } = await enter();
  await open();
  await choose(page, 'Partner feed', 'Disable');
  await dialog(page, 'Disable API key').getByRole('button', { name: 'Disable key' }).click();
  await row(page, 'Partner feed').locator('.badge', { hasText: 'Disabled' }).waitFor();
  expect((await read(id)).disabled).toBe(true);

  await choose(page, 'Partner feed', 'Enable');
  await dialog(page, 'Enable API key').getByRole('button', { name: 'Enable key' }).click();
  await row(page, 'Partner feed').locator('.badge', { hasText: 'Disabled' }).waitFor({ state: 'detached' });

  await choose(page, 'Partner feed', 'Delete');
  const question = dialog(page, 'Delete API key');
  await question.getByText(/(?:just now|minutes? ago), 4 requests in the last 7 days/).waitFor();
  await question.getByText('by admin@acme.example').waitFor();
  await focused(question.getByRole('button', { name: 'Cancel' })).waitFor();
  await question.getByRole('button', { name: 'Delete key' }).click();
  await row(page, 'Partner feed').waitFor({ state: 'detached' });
  await page.getByText('The key was deleted').waitFor();
  // The row that had the focus is gone.
  await focused(page.getByRole('heading', { name: 'API keys', level: 1 })).waitFor();
  await expect(read(id)).rejects.toMatchObject({ code: 'key_not_found' });
});

test('a name with markup or bidirectional marks is shown as text', async () => {
  const { world, enter } = scene;
  const names = [
    '<script>document.title = "broken"</script>',
    '"><img src=x onerror=alert(1)>',
    '\u202egnp.exe\u202c and \u2067אבג',
    '🧑‍🚀🔑 émoji',
    'w'.repeat(100),
  ];
  for (const name of names) await world.create(name);
  const { page, open } = await enter({ viewport: { width: 360, height: 760 } });
  await open();
  await row(page, '🧑‍🚀').waitFor();
  const shown = await page.locator('.cell-name bdi').allTextContents();
  expect(shown.slice(0, 5)).toEqual(names.toReversed());
  expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
  for (const name of names.slice(0, 3)) {
    await page
      .getByRole('button', { name: `Edit ${name.slice(0, 8)}` })
      .first()
      .click();
    expect(await dialog(page, 'Edit API key').getByRole('textbox', { name: 'Name' }).inputValue()).toBe(name);
    await page.keyboard.press('Escape');
  }
  expect(await page.title()).toBe('API keys');
});

test('the console shows no way to change anything to a read-only operator', async () => {
  const { world, enter } = scene;
  await world.create('Looked at');
  const { page, open } = await enter({ readOnly: true });
  await open();
  await page.getByText('Read only').waitFor();
  await page.getByLabel('More for Looked at').click();
  expect(await page.getByRole('menuitem').allTextContents()).toEqual(['Usage and activity', 'Why is a field missing?']);
  expect(await page.getByRole('button', { name: /Create|Edit|Delete|Rotate|Disable/ }).count()).toBe(0);
  await open('#/configuration');
  await page.getByRole('heading', { name: 'Acme front desk' }).waitFor();
  expect(await page.locator('main input:enabled:not([type=search]), main .button').count()).toBe(0);
});

test('ten thousand keys are shown in pages of fifty, and a reload keeps the page', async () => {
  const { world, enter } = scene;
  for (let made = 0; made < 10_000; made += 100) {
    const batch = Array.from({ length: 100 }, (_, index) => `Key ${String(made + index).padStart(5, '0')}`);
    await Promise.all(batch.map((name) => world.create(name, { workspaceId: 'ws-7b20c91e' })));
  }
  const { page, open } = await enter({ account: 'globex' });
  await open();
  await page.getByLabel('Sort').selectOption('name');
  await row(page, 'Key 00000').waitFor();
  expect(await page.locator('.keys tbody tr').count()).toBe(50);
  await page.getByRole('button', { name: 'Next' }).click();
  await row(page, 'Key 00050').waitFor();
  await page.getByText('Page 2').waitFor();
  await page.getByText('10,000 keys').waitFor();
  await page.reload();
  await row(page, 'Key 00050').waitFor();
  await page.getByRole('button', { name: 'Previous' }).click();
  await row(page, 'Key 00000').waitFor();
  await page.getByRole('button', { name: 'Next' }).click();
  await row(page, 'Key 00050').waitFor();
  await page.getByRole('button', { name: 'Previous' }).click();
  await row(page, 'Key 00000').waitFor();
  await page.getByLabel('Search keys').fill('09999');
  await row(page, 'Key 09999').waitFor();
  expect(await page.locator('.keys tbody tr').count()).toBe(1);
});
