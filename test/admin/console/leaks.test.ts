import type { Page } from 'playwright-core';
import { WORKSPACE } from './harness';
import { choose, dialog, focused, row, useScene } from './setup';

const scene = useScene();

const read = (id: string) => scene.world.apiKeys.keys.get(id, { workspaceId: WORKSPACE });

async function exposures(target: string) {
  const { entries } = await scene.world.apiKeys.audit.list({ workspaceId: WORKSPACE, action: 'key.exposed', target });
  return entries;
}

/** Opens the dialog, and fills in what is needed. */
async function report(page: Page, subject: string, source = 'support ticket 4711') {
  await page.getByRole('button', { name: 'Report a leak' }).click();
  const form = dialog(page, 'Report a leaked key');
  await form.getByRole('textbox', { name: 'Token, or id of the key' }).fill(subject);
  await form.getByRole('textbox', { name: 'Reported by' }).fill(source);
  return form;
}

const done = (page: Page) => dialog(page, 'Leak reported');

test('a leaked token is reported and its key revoked, with the operator and the place in the audit log', async () => {
  const { world, enter } = scene;
  const { id, token } = await world.create('Leaked in a repository');
  const { page, open } = await enter();
  await open();
  const form = await report(page, token);
  await form.getByRole('textbox', { name: 'Found at' }).fill('https://github.com/acme/app/blob/main/.env');
  await form.getByText('This cannot be undone').waitFor();
  await form.getByRole('button', { name: 'Report leak' }).click();
  await done(page).getByText('The key is revoked.').waitFor();
  expect(await page.content()).not.toContain(token);
  expect(page.url()).not.toContain(token);
  expect(await world.apiKeys.verify(token)).toMatchObject({ ok: false });
  expect(await exposures(id)).toMatchObject([
    {
      actor: 'operator@acme-uk.example',
      after: {
        exposure: {
          policy: 'revoke',
          source: 'support ticket 4711',
          url: 'https://github.com/acme/app/blob/main/.env',
        },
      },
    },
  ]);
  await row(page, 'Leaked in a repository').getByText('Leaked', { exact: true }).waitFor();
  await row(page, 'Leaked in a repository').getByText('Revoked').waitFor();
  expect(await row(page, 'Leaked in a repository').getByText('Expired').count()).toBe(0);
  await done(page).getByRole('link', { name: 'Show the key' }).click();
  await page.getByRole('heading', { name: 'Leaked in a repository' }).waitFor();
  await page.getByText('reported a leaked token').waitFor();
  await page.getByText('by support ticket 4711. The key was revoked.').waitFor();
  await page.getByText('https://github.com/acme/app/blob/main/.env', { exact: true }).waitFor();
});

test('a key is reported by its id and disabled or only recorded, as the operator chooses', async () => {
  const { world, enter } = scene;
  const { id, token } = await world.create('Seen in a chat');
  const { page, open } = await enter();
  await open();
  const first = await report(page, id);
  await first.getByLabel('Only record').check();
  await first.getByRole('button', { name: 'Report leak' }).click();
  await done(page).getByText('The report is recorded.').waitFor();
  await done(page).getByRole('button', { name: 'Done' }).click();
  expect(await world.apiKeys.verify(token)).toMatchObject({ ok: true });
  await row(page, 'Seen in a chat').getByText('Leaked', { exact: true }).waitFor();
  const second = await report(page, id);
  await second.getByLabel('Disable', { exact: true }).check();
  await second.getByRole('button', { name: 'Report leak' }).click();
  await done(page).getByText('The key is disabled.').waitFor();
  await row(page, 'Seen in a chat').getByText('Disabled').waitFor();
  expect(await read(id)).toMatchObject({ disabled: true });
  expect(await exposures(id)).toHaveLength(2);
});

test('a key is reported from its menu, and a second report says that it was revoked before', async () => {
  const { world, enter } = scene;
  const { id } = await world.create('Read from a log');
  const { page, open } = await enter();
  await open();
  await choose(page, 'Read from a log', 'Report as leaked');
  const form = dialog(page, 'Report a leaked key');
  await form.getByRole('button', { name: 'Report leak' }).click();
  await form.getByText('Enter where the report comes from.').waitFor();
  const source = form.getByRole('textbox', { name: 'Reported by' });
  await focused(source).waitFor();
  await source.fill('log review');
  await form.getByRole('button', { name: 'Report leak' }).click();
  await done(page).getByText('The key is revoked.').waitFor();
  await page.keyboard.press('Escape');
  await report(page, id);
  await page.getByRole('button', { name: 'Report leak' }).click();
  await done(page).getByText('The key was revoked before.').waitFor();
  expect(await exposures(id)).toHaveLength(1);
});

test('a token or id without a key is reported as unknown, and the form is kept', async () => {
  const { world, enter } = scene;
  const { token } = await world.create('Deleted before');
  const [id] = token.split('_').slice(1);
  await world.apiKeys.keys.delete(id!, { workspaceId: WORKSPACE });
  const { page, open } = await enter();
  await open();
  for (const subject of [id!, token]) {
    const form = await report(page, subject);
    await form.getByRole('button', { name: 'Report leak' }).click();
    await form.getByText('No key of this workspace has this token or id.').waitFor();
    await form.getByRole('button', { name: 'Cancel' }).click();
  }
});

test('a source that contains the token is an issue of its field', async () => {
  const { world, enter } = scene;
  const { id, token } = await world.create('Careless report');
  const { page, open } = await enter();
  await open();
  const form = await report(page, token, `found ${token}`);
  await form.getByRole('button', { name: 'Report leak' }).click();
  await form.getByText('Expected a string of 1–200 characters without the token').waitFor();
  expect(await exposures(id)).toEqual([]);
});

test('a read-only operator cannot report a leak', async () => {
  await scene.world.create('For a reader');
  const { page, open } = await scene.enter({ readOnly: true });
  await open();
  await row(page, 'For a reader').waitFor();
  expect(await page.getByRole('button', { name: 'Report a leak' }).count()).toBe(0);
  await page.getByLabel('More for For a reader').click();
  await page.getByRole('menuitem', { name: 'Usage and activity' }).waitFor();
  expect(await page.getByRole('menuitem', { name: 'Report as leaked' }).count()).toBe(0);
});
