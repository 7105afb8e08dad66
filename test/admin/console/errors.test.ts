import type { Page } from 'playwright-core';
import { deferred } from '../../support/deferred';
import { PASSWORD, WORKSPACE } from './harness';
import { choose, dialog, fillIn, row, TOKEN, useScene } from './setup';

const scene = useScene();

const named = async (q: string) => (await scene.world.apiKeys.keys.list({ workspaceId: WORKSPACE, q })).keys;

/** Signs in, in another tab. */
async function signInAgain(page: Page): Promise<void> {
  const popup = page.waitForEvent('popup');
  await page.getByRole('link', { name: 'Sign in again in another tab' }).click();
  const tab = await popup;
  await tab.getByLabel('Password').fill(PASSWORD);
  await tab.getByRole('button', { name: 'Sign in' }).click();
  await tab.getByRole('heading', { name: 'API keys', level: 1 }).waitFor();
  await tab.close();
}

test('the create dialog keeps its input when the session ends, and succeeds after signing in again', async () => {
  const { page, open, context } = await scene.enter();
  await open();
  await fillIn(page, 'Typed before the session ended');
  await context.clearCookies();
  const form = dialog(page, 'Create an API key');
  await form.getByRole('button', { name: 'Create key' }).click();
  await form.getByText('The key was not created. Your session has ended.').waitFor();
  expect(await form.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('Typed before the session ended');
  await signInAgain(page);
  await form.getByRole('button', { name: 'Try again' }).click();
  expect(await dialog(page, 'Save the token').getByLabel('Token of').inputValue()).toMatch(TOKEN);
  expect(await named('Typed before')).toHaveLength(1);
});

test('the console shows a sign-in link when the request is not signed in', async () => {
  const { page, open, context } = await scene.enter();
  await context.clearCookies();
  await open();
  await page.getByRole('heading', { name: 'You are not signed in' }).waitFor();
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Sign in to the example' }).waitFor();
});

test('the create dialog keeps its input while the server is down, and succeeds afterwards', async () => {
  const { world, enter } = scene;
  const { page, open } = await enter();
  await open();
  await fillIn(page, 'Typed before the outage');
  await world.goDown();
  const form = dialog(page, 'Create an API key');
  await form.getByRole('button', { name: 'Create key' }).click();
  await form.getByText('The server cannot be reached.').waitFor();
  await world.comeBack();
  await form.getByRole('button', { name: 'Try again' }).click();
  await dialog(page, 'Save the token').waitFor();
  expect(await named('Typed before the outage')).toHaveLength(1);
});

test('a lost response creates no second key', async () => {
  const { page, open, context } = await scene.enter();
  await open();
  await fillIn(page, 'Answer lost');
  let lost = 0;
  await context.route('**/admin/api-keys/keys', async (route) => {
    if (route.request().method() !== 'POST' || lost > 0) return route.fallback();
    lost += 1;
    await route.fetch();
    await route.abort('connectionreset');
  });
  const form = dialog(page, 'Create an API key');
  await form.getByRole('button', { name: 'Create key' }).click();
  await form.getByText('The server cannot be reached.').waitFor();
  await form.getByRole('button', { name: 'Try again' }).click();
  const token = await dialog(page, 'Save the token').getByLabel('Token of').inputValue();
  expect(await scene.world.apiKeys.verify(token)).toMatchObject({ ok: true });
  expect(await named('Answer lost')).toHaveLength(1);
});

test('each page shows a failed read and can repeat it', async () => {
  const { world, enter } = scene;
  await world.create('There all along');
  const { page, open } = await enter();
  await open('#/activity');
  await page.getByRole('link', { name: 'There all along' }).waitFor();
  await world.goDown();
  for (const [tab, said] of [
    ['API keys', 'The keys could not be read.'],
    ['Configuration', 'The configurations could not be read.'],
    ['Activity', 'The activity could not be read.'],
  ] as const) {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: tab }).click();
    await page.getByRole('alert').getByText(said).waitFor();
  }
  await world.comeBack();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('link', { name: 'There all along' }).waitFor();
});

test('a key that is not found does not bring back the page that asked for it when the page was left', async () => {
  const { page, open, context } = await scene.enter();
  const [asked, released] = [deferred<void>(), deferred<void>()];
  await context.route('**/admin/api-keys/keys/unknown', async (route) => {
    asked.resolve();
    await released.promise;
    await route.fallback();
  });
  await open('#/keys?dialog=edit:unknown');
  await asked.promise;
  await page.getByRole('link', { name: 'Activity' }).click();
  await page.getByRole('heading', { name: 'Activity', level: 1 }).waitFor();
  const responded = page.waitForResponse('**/admin/api-keys/keys/unknown');
  released.resolve();
  expect((await responded).status()).toBe(404);
  // A later response of the same server, and the frame after it: the page has handled the first one by then.
  await page.evaluate('fetch("keys").then((later) => later.text()).then(() => new Promise(requestAnimationFrame))');
  expect(await page.evaluate('location.hash')).toBe('#/activity');
  await page.getByRole('heading', { name: 'Activity', level: 1 }).waitFor();
});

test('a project card shows a failed change and can repeat it', async () => {
  const { world, enter } = scene;
  const { page, open } = await enter();
  await open('#/configuration');
  const card = page.locator('.card').filter({ has: page.getByRole('heading', { name: 'Acme billing' }) });
  await card.waitFor();
  await world.goDown();
  await card.getByRole('switch', { name: 'Conversation transcript' }).check();
  await card.getByText('The change was not saved.').waitFor();
  await world.comeBack();
  await card.getByRole('button', { name: 'Try again' }).click();
  await card.getByText('Saved', { exact: true }).waitFor();
  expect(await world.apiKeys.projects.get('PROJECT-C1V9TT3E', { workspaceId: WORKSPACE })).toMatchObject({
    transcript: true,
  });
});

describe('two operators who change one key', () => {
  async function changedByAnother(name: string) {
    const { world, enter } = scene;
    const { id } = await world.create(name);
    const { page, open } = await enter();
    await open();
    await page.getByRole('button', { name: `Edit ${name}` }).click();
    const form = dialog(page, 'Edit API key');
    await form.getByLabel('Handoff').check();
    const theirs = { name: `${name}, renamed`, disabled: true };
    await world.apiKeys.keys.update(id, theirs, { workspaceId: WORKSPACE, actor: 'admin@acme.example' });
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('admin@acme.example changed this key').waitFor();
    await form.getByText(`${name} → ${name}, renamed`).waitFor();
    await form.getByText('Enabled → Disabled').waitFor();
    return { page, form, id };
  }

  test("the edit dialog shows another operator's changes and keeps both", async () => {
    const { form, id } = await changedByAnother('Contested');
    await form.getByRole('button', { name: 'Keep my changes' }).click();
    await form.getByRole('button', { name: 'Save' }).click();
    await form.waitFor({ state: 'detached' });
    expect(await scene.world.apiKeys.keys.get(id, { workspaceId: WORKSPACE })).toMatchObject({
      name: 'Contested, renamed',
      disabled: true,
      permissions: ['conversations', 'handoff'],
    });
  });

  test('the edit dialog takes their values when asked to', async () => {
    const { form, id } = await changedByAnother('Conceded');
    await form.getByRole('button', { name: 'Take theirs' }).click();
    expect(await form.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('Conceded, renamed');
    expect(await form.getByLabel('Handoff').isChecked()).toBe(false);
    await form.getByRole('button', { name: 'Cancel' }).click();
    expect(await scene.world.apiKeys.keys.get(id, { workspaceId: WORKSPACE })).toMatchObject({
      permissions: ['conversations'],
    });
  });

  test('a key that has changed is not deleted before the operator has seen the change', async () => {
    const { world, enter } = scene;
    const { id } = await world.create('Doomed');
    const { page, open } = await enter();
    await open();
    await choose(page, 'Doomed', 'Delete');
    await world.apiKeys.keys.update(
      id,
      { name: 'Doomed, or not' },
      { workspaceId: WORKSPACE, actor: 'admin@acme.example' },
    );
    const question = dialog(page, 'Delete API key');
    await question.getByRole('button', { name: 'Delete key' }).click();
    await question.getByText('Doomed → Doomed, or not').waitFor();
    await question.getByRole('button', { name: 'Continue' }).click();
    await question.getByRole('button', { name: 'Delete key' }).click();
    await row(page, 'Doomed').waitFor({ state: 'detached' });
    await expect(world.apiKeys.keys.get(id, { workspaceId: WORKSPACE })).rejects.toMatchObject({
      code: 'key_not_found',
    });
  });
});
