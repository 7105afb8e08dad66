import type { Page } from 'playwright-core';
import { OPEN, OTHER_PROJECT, PROJECT, WORKSPACE } from './harness';
import { dialog, useScene } from './setup';

const scene = useScene();

const configuration = (id: string) => scene.world.apiKeys.projects.get(id, { workspaceId: WORKSPACE });
const cardOf = (page: Page, name: string) =>
  page.locator('.card').filter({ has: page.getByRole('heading', { name, exact: true }) });

test('a project card saves each change at once and can undo it', async () => {
  const { page, open } = await scene.enter();
  await open('#/configuration');
  const card = cardOf(page, 'Acme bookings');
  await card.getByRole('switch', { name: 'Conversation transcript' }).check();
  await card.getByText('Saved', { exact: true }).waitFor();
  expect(await configuration(OTHER_PROJECT)).toMatchObject({ transcript: true, metrics: [] });
  await card.getByRole('combobox', { name: 'Add a metric' }).click();
  await page.getByRole('option', { name: 'CALL_COMPLETED' }).click();
  await page.getByRole('option', { name: 'HANDOFF_TO' }).click();
  await card.getByRole('combobox', { name: 'Add a metric' }).fill('OUR_OWN');
  await page.getByRole('option', { name: 'Add “OUR_OWN”' }).click();
  await card.getByText('3 metrics chosen').waitFor();
  expect(await card.getByRole('list', { name: 'Chosen metrics' }).getByRole('listitem').allTextContents()).toEqual([
    'CALL_COMPLETED',
    'HANDOFF_TO',
    'OUR_OWN',
  ]);
  await page.getByRole('status').filter({ hasText: 'CALL_COMPLETED, HANDOFF_TO, OUR_OWN' }).waitFor();
  expect(await configuration(OTHER_PROJECT)).toMatchObject({ metrics: ['CALL_COMPLETED', 'HANDOFF_TO', 'OUR_OWN'] });
  await card.getByLabel('All metrics').check();
  await page.getByRole('status').filter({ hasText: 'transcript on, all metrics' }).waitFor();
  expect(await configuration(OTHER_PROJECT)).toMatchObject({ metrics: 'all' });
  await card.getByRole('button', { name: 'Clear configuration' }).click();
  await page.getByRole('status').filter({ hasText: 'was cleared' }).waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByRole('status').filter({ hasText: 'transcript on, all metrics' }).waitFor();
  expect(await configuration(OTHER_PROJECT)).toMatchObject({ transcript: true, metrics: 'all' });
  await card.getByRole('button', { name: 'Clear configuration' }).click();
  await page.getByRole('status').filter({ hasText: 'was cleared' }).waitFor();
  expect(await configuration(OTHER_PROJECT)).toMatchObject({ transcript: false, metrics: [] });
  await page.reload();
  await cardOf(page, 'Acme bookings').getByText('Nothing enabled').waitFor();
});

test('the configuration page accepts other ids when the app does', async () => {
  const { page } = await scene.enter();
  await page.goto(`${scene.world.address}${OPEN}/#/configuration`);
  await page.getByPlaceholder('Find a project').fill('PROJECT/OF TOMORROW');
  await page.getByRole('button', { name: 'Configure “PROJECT/OF TOMORROW”' }).click();
  await cardOf(page, 'PROJECT/OF TOMORROW').getByLabel('All metrics').check();
  await cardOf(page, 'PROJECT/OF TOMORROW').getByText('Saved', { exact: true }).waitFor();
  expect(await configuration('PROJECT/OF TOMORROW')).toMatchObject({ metrics: 'all' });
});

test('the field access page shows both conditions for each API and their remedies', async () => {
  const { world, enter } = scene;
  await world.apiKeys.projects.set(PROJECT, { transcript: false, metrics: ['CSAT_SCORE'] }, { workspaceId: WORKSPACE });
  const { id } = await world.create('Curious', { permissions: ['handoff'] });
  const { page, open } = await enter();
  await open('#/why');
  await page.getByRole('combobox', { name: 'Key' }).fill('curi');
  await page.getByRole('option', { name: 'Curious' }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('combobox', { name: 'Project' }).click();
  await page.getByRole('option', { name: 'Acme front desk' }).click();

  const api = (label: string) => cardOf(page, label);
  const outcome = (label: string, field: string) =>
    api(label)
      .getByRole('row')
      .filter({ has: page.getByRole('rowheader', { name: field }) })
      .getByRole('cell')
      .last();
  await api('Handoff').getByText('Requests are allowed').waitFor();
  // Its responses contain no features.
  expect(await api('Handoff').getByRole('table').count()).toBe(0);
  await api('Conversations data').getByText('Requests are denied').waitFor();
  expect(await outcome('Conversations data', 'Transcript').textContent()).toBe(
    'Missing because of the key and the project',
  );
  expect(await outcome('Conversations data', 'CSAT_SCORE').textContent()).toBe('Missing because of the key');

  await api('Conversations data').getByRole('button', { name: 'Edit the key' }).click();
  const form = dialog(page, 'Edit API key');
  await form.getByLabel('Conversations data').check();
  await form.getByRole('button', { name: 'Save' }).click();
  await api('Conversations data').getByText('Requests are allowed').waitFor();
  expect(await outcome('Conversations data', 'CSAT_SCORE').textContent()).toBe('In responses');
  expect(await outcome('Conversations data', 'Other metrics').textContent()).toBe('Missing because of the project');
  expect((await world.apiKeys.keys.get(id, { workspaceId: WORKSPACE })).permissions).toContain('conversations');

  await page.getByRole('link', { name: 'Open the project’s configuration' }).click();
  await cardOf(page, 'Acme front desk').getByRole('switch', { name: 'Conversation transcript' }).check();
  await cardOf(page, 'Acme front desk').getByText('Saved', { exact: true }).waitFor();
  await page.goBack();
  await api('Conversations data').waitFor();
  expect(await outcome('Conversations data', 'Transcript').textContent()).toBe('In responses');
});

test('the field access page shows a disabled key once, above the APIs', async () => {
  const { world, enter } = scene;
  const { id } = await world.create('Hindered', { agents: [OTHER_PROJECT] });
  await world.apiKeys.keys.update(id, { disabled: true }, { workspaceId: WORKSPACE });
  const { page, open } = await enter();
  await open(`#/why?key=${id}&project=${PROJECT}`);
  const general = page.getByRole('list', { name: 'Reasons why all requests are denied' });
  await general.getByText('The key has no access to Acme front desk.').waitFor();
  await general.getByRole('button', { name: 'Enable the key' }).click();
  await dialog(page, 'Enable API key').getByRole('button', { name: 'Enable key' }).click();
  await general.getByText('The key is disabled.').waitFor({ state: 'detached' });
  expect(await page.getByText('Requests are denied').count()).toBe(3);
});

test('the activity page shows changed fields only and is filtered by action and actor', async () => {
  const { world, enter } = scene;
  const { id } = await world.create('Traced');
  const by = { workspaceId: WORKSPACE, actor: 'admin@acme.example' };
  await world.apiKeys.keys.update(id, { name: 'Traced better' }, by);
  await world.apiKeys.projects.set(
    PROJECT,
    { transcript: true, metrics: 'all' },
    { ...by, actor: 'support@acme.example' },
  );
  const { page, open } = await enter();
  await open('#/activity');
  const entries = page.locator('.entry');
  await entries
    .filter({ hasText: 'admin@acme.example changed the key Traced' })
    .getByText('Traced → Traced better')
    .waitFor();
  const changed = entries.filter({ hasText: 'Traced → Traced better' }).locator('.diff > div');
  expect(await changed.allTextContents()).toEqual(['NameTraced → Traced better']);
  await page.getByLabel('Action').selectOption('Project configured');
  await entries.filter({ hasText: 'changed the key' }).first().waitFor({ state: 'detached' });
  await page.getByLabel('Changed by').fill('support@acme.example');
  await page
    .locator('.entries:not(.stale) .entry:only-child')
    .filter({ hasText: 'configured the project Acme front desk' })
    .waitFor();
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await entries.filter({ hasText: 'Traced better' }).first().waitFor();
});

test('the activity page loads older entries on request', async () => {
  const { world, enter } = scene;
  for (let made = 0; made < 35; made += 1) await world.create(`Batch ${made}`);
  const { page, open } = await enter();
  await open('#/activity?action=key.created');
  await page.locator('.entry').first().waitFor();
  expect(await page.locator('.entry').count()).toBe(30);
  await page.getByRole('button', { name: 'Show older' }).click();
  await page.getByRole('link', { name: 'Batch 0', exact: true }).waitFor();
});

test('the usage chart shows requests by day and outcome, also as numbers', async () => {
  const { world, enter } = scene;
  const key = await world.create('Measured', { agents: [PROJECT] });
  await world.use(key, 5);
  await world.use(key, 3, '/v3/acme-uk/acme-bookings/conversations');
  const { page, open } = await enter();
  await open();
  await page.getByLabel('More for Measured').click();
  await page.getByRole('menuitem', { name: 'Usage and activity' }).click();
  await page.getByText('8 requests in the last 30 days').waitFor();
  await page.getByText('5 allowed').waitFor();
  await page.getByText('3 denied').waitFor();
  await page.getByText('agent_not_in_scope (3)').waitFor();
  await page.getByText('Show as a table').click();
  expect(await page.locator('.numbers').getByRole('row').nth(1).getByRole('cell').allTextContents()).toEqual([
    '5',
    '3',
  ]);
  await page.locator('.entry:only-child').waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'API keys', level: 1 }).waitFor();
});
