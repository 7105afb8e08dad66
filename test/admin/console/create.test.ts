import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { run } from '../../example-app/run-curl';
import { waitUntil } from '../../support/wait-until';
import { OTHER_PROJECT, PROJECT, WORKSPACE } from './harness';
import { dialog, fillIn, focused, make, row, TOKEN, useScene } from './setup';

const scene = useScene();

/** Every text in the memory of the page's JavaScript. */
async function heapOf(page: Page): Promise<string> {
  const session = await page.context().newCDPSession(page);
  const chunks: string[] = [];
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => chunks.push(chunk));
  await session.send('HeapProfiler.collectGarbage');
  await session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  await session.detach();
  return chunks.join('');
}

async function findKey(name: string) {
  const { keys } = await scene.world.apiKeys.keys.list({ workspaceId: WORKSPACE, q: name });
  expect(keys).toHaveLength(1);
  return keys[0]!;
}

test('a created key is shown once, and its curl line works as it is', async () => {
  const { page, open, context } = await scene.enter();
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await open();
  const token = await make(page, 'CRM sync');
  expect(token).toMatch(TOKEN);
  const reveal = dialog(page, 'Save the token');
  await reveal.getByRole('button', { name: 'Copy the token' }).click();
  await reveal.getByText('Token copied.').waitFor();
  expect(await reveal.getByText('only time').count()).toBe(0);
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe(token);

  const line = (await reveal.locator('pre').textContent()) ?? '';
  const folder = await mkdtemp(join(tmpdir(), 'keyscope-curl-'));
  const { status, output } = await run(line, folder);
  await rm(folder, { recursive: true });
  expect([status, JSON.parse(output)[0].agentId]).toEqual([200, PROJECT]);

  expect(await heapOf(page)).toContain(token.slice(-38));
  await reveal.getByRole('button', { name: 'Done' }).click();
  await row(page, 'CRM sync').waitFor();
  expect(await page.getByRole('dialog').count()).toBe(0);
  expect(await page.content()).not.toContain(token);
  expect(await heapOf(page)).not.toContain(token.slice(-38));
  expect(await row(page, 'CRM sync').locator('code').textContent()).toBe(
    `${token.slice(0, 11)}************${token.slice(-4)}`,
  );
});

test('the created key has the chosen agents, permissions and expiry', async () => {
  const { page, open } = await scene.enter();
  await open();
  await fillIn(page, 'Analytics');
  const form = dialog(page, 'Create an API key');
  await form.getByLabel('Handoff').check();
  await form.getByLabel('Chosen agents').check();
  await form.getByRole('combobox', { name: 'Add an agent' }).click();
  await page.getByRole('option', { name: 'Acme bookings' }).click();
  await form.getByRole('combobox', { name: 'Add an agent' }).fill('front');
  // Enter does not choose from the list of all agents, which is there before.
  const listed = page.getByRole('listbox', { name: 'Add an agent' }).getByRole('option');
  await listed.filter({ hasNotText: 'Acme front desk' }).first().waitFor({ state: 'detached' });
  await listed.waitFor();
  await page.keyboard.press('Enter');
  await form.getByText('2 agents chosen').waitFor();
  await form.getByRole('button', { name: 'Remove Acme front desk' }).click();
  await form.getByText('1 agent chosen').waitFor();
  await form.getByLabel('30 days', { exact: true }).check();
  await form.getByRole('button', { name: 'Create key' }).click();
  await dialog(page, 'Save the token').waitFor();
  const key = await findKey('Analytics');
  expect(key).toMatchObject({
    agents: [OTHER_PROJECT],
    permissions: ['conversations', 'handoff'],
    createdBy: 'operator@acme-uk.example',
  });
  expect(Math.round((key.expiresAt!.getTime() - key.createdAt.getTime()) / 86_400_000)).toBe(30);
});

test('the list of agents has no agent that is chosen, and Enter adds the agent that was typed', async () => {
  const { page, open } = await scene.enter();
  await open();
  await fillIn(page, 'Chosen at once');
  const form = dialog(page, 'Create an API key');
  await form.getByLabel('Chosen agents').check();
  const box = form.getByRole('combobox', { name: 'Add an agent' });
  const options = form.locator('.combobox-list').getByRole('option');
  await box.click();
  await options.first().waitFor();
  const names = await options.allTextContents();
  // The list as it is in the frame in which the choice is shown.
  const after = await page.evaluate(`new Promise((resolve) => {
    const list = document.querySelector('.combobox-list');
    new MutationObserver(() => {
      if (document.querySelector('.multi .chip')) resolve([...list.children].map((option) => option.textContent));
    }).observe(list.closest('dialog'), { childList: true, subtree: true });
    list.children[1].click();
  })`);
  expect(after).toEqual(names.toSpliced(1, 1));

  // Enter before the next frame: the list is still of the earlier text.
  await page.evaluate(`(async () => {
    const box = document.querySelector('.multi input');
    box.value = 'front';
    box.dispatchEvent(new InputEvent('input', { bubbles: true }));
    await Promise.resolve();
    box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
  })()`);
  await page.getByRole('option', { name: 'Acme front desk' }).waitFor();
  expect(await form.locator('.multi .chip').count()).toBe(1);
  await page.keyboard.press('Enter');
  await form.getByRole('button', { name: 'Remove Acme front desk' }).waitFor();
  await box.click();
  await options.first().waitFor();
  expect(await options.allTextContents()).not.toContain(expect.stringContaining('Acme front desk'));
});

test('a key has the default lifetime of the app when its expiry is not touched, also if that is no whole day', async () => {
  const { page, open } = await scene.enter();
  const defaultLifetime = 36 * 3_600_000;
  await page.route('**/session', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), defaultLifetime } });
  });
  await open();
  await make(page, 'Thirty-six hours');
  const { createdAt, expiresAt } = await findKey('Thirty-six hours');
  expect(expiresAt!.getTime() - createdAt.getTime()).toBe(defaultLifetime);
});

test('a key that never expires can be created only if the app allows it, and is shown as such', async () => {
  const { page, open } = await scene.enter();
  await open();
  await page.getByRole('button', { name: 'Create key' }).click();
  const form = dialog(page, 'Create an API key');
  await form.getByLabel('On a date').waitFor();
  expect(await form.getByLabel('Never').count()).toBe(0);
  await page.keyboard.press('Escape');

  let sent: unknown;
  await page.route('**/session', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), keysWithoutExpiry: true } });
  });
  await page.route(
    (url) => url.pathname.endsWith('/keys'),
    async (route) => {
      const request = route.request();
      if (request.method() === 'POST') {
        const { expiresAt, ...body } = request.postDataJSON();
        sent = expiresAt;
        return route.continue({ postData: JSON.stringify(body) });
      }
      const response = await route.fetch();
      const { keys, ...list } = await response.json();
      const endless = keys.map((key: object) => ({ ...key, expiresAt: null }));
      return route.fulfill({ response, json: { ...list, keys: endless } });
    },
  );
  await page.reload();
  await fillIn(page, 'Without an end');
  await form.getByLabel('Never').check();
  await form.getByText('until someone disables or deletes it').waitFor();
  await form.getByRole('button', { name: 'Create key' }).click();
  await dialog(page, 'Save the token').waitFor();
  expect(sent).toBeNull();
  await row(page, 'Without an end').getByText('Never', { exact: true }).first().waitFor({ state: 'attached' });
});

test('a key with a date of expiry works until the end of the day', async () => {
  const { page, open } = await scene.enter();
  await open();
  await fillIn(page, 'Until a date');
  const form = dialog(page, 'Create an API key');
  await form.getByLabel('On a date').check();
  await form.getByRole('button', { name: 'Create key' }).click();
  await form.getByText('Choose a date.').waitFor();
  await form.getByLabel('Last day').fill('2040-06-30');
  await form.getByRole('button', { name: 'Create key' }).click();
  await dialog(page, 'Save the token').waitFor();
  // Summer in London.
  expect((await findKey('Until a date')).expiresAt?.toISOString()).toBe('2040-06-30T22:59:59.000Z');
});

test('the create dialog shows each issue beside its field and keeps what was typed', async () => {
  const { page, open } = await scene.enter();
  await open();
  await page.getByRole('button', { name: 'Create key' }).click();
  const form = dialog(page, 'Create an API key');
  await form.getByLabel('Chosen agents').check();
  await form.getByRole('button', { name: 'Create key' }).click();
  for (const text of ['Enter a name.', 'Choose at least one agent', 'Choose at least one permission']) {
    await form.getByText(text).waitFor();
  }
  const name = form.getByRole('textbox', { name: 'Name' });
  await focused(name).waitFor();
  // The server's own objection: a hundred characters are the limit.
  await name.fill('n'.repeat(101));
  await form.getByLabel('All agents').check();
  await form.getByLabel('Handoff').check();
  await form.getByRole('button', { name: 'Create key' }).click();
  await form.getByText('The key was not created.').waitFor();
  expect(await name.getAttribute('aria-invalid')).toBe('true');
  expect(await name.inputValue()).toBe('n'.repeat(101));
  await name.fill('n'.repeat(100));
  await form.getByRole('button', { name: 'Try again' }).click();
  await dialog(page, 'Save the token').waitFor();
});

test('the token dialog asks before it is closed by Escape, back or reload', async () => {
  const { page, open } = await scene.enter();
  await open('#/activity');
  await page.getByRole('link', { name: 'API keys' }).click();
  const token = await make(page, 'Unsaved');
  const reveal = dialog(page, 'Save the token');
  const question = page.getByRole('alertdialog', { name: 'Have you saved the token?' });

  await page.keyboard.press('Escape');
  await question.getByRole('button', { name: 'Go back' }).click();
  expect(await reveal.getByLabel('Token of').inputValue()).toBe(token);

  await page.goBack();
  await question.waitFor();
  expect(page.url()).toContain('#/keys');
  await question.getByRole('button', { name: 'Go back' }).click();

  // The browser's own question. The first one is dismissed.
  let asked = 0;
  page.on('dialog', async (dialogOfBrowser) => {
    asked += 1;
    await dialogOfBrowser.dismiss();
  });
  await page.evaluate('location.reload()').catch(() => undefined);
  await waitUntil('the browser has asked', () => asked > 0);
  expect(await reveal.getByLabel('Token of').inputValue()).toBe(token);

  await page.goBack();
  await question.getByRole('button', { name: 'I have saved it' }).click();
  await page.getByRole('heading', { name: 'Activity' }).waitFor();
  expect(await page.content()).not.toContain(token);
});

test('the download is a line for an .env file and counts as saved', async () => {
  const { page, open } = await scene.enter();
  await open();
  const token = await make(page, 'Für den Export');
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download as .env' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe('f-r-den-export.env');
  expect(await readFile(await download.path(), 'utf8')).toBe(`API_KEY=${token}\n`);
  await page.getByText('Token downloaded.').waitFor();
  await page.keyboard.press('Escape');
  await dialog(page, 'Save the token').waitFor({ state: 'detached' });
});

test('a key is created by keyboard, and the focus returns to the button', async () => {
  const { page, open } = await scene.enter();
  await open();
  const button = page.getByRole('button', { name: 'Create key' });
  await button.focus();
  await page.keyboard.press('Enter');
  await dialog(page, 'Create an API key').waitFor();
  await page.keyboard.type('By keyboard');
  await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowRight');
  await page.getByRole('combobox', { name: 'Add an agent' }).waitFor();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  const reveal = dialog(page, 'Save the token');
  await reveal.waitFor();
  expect((await findKey('By keyboard')).agents).toBe('all');
  await page.keyboard.press('Escape');
  await focused(page.getByRole('button', { name: 'Go back' })).waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await reveal.waitFor({ state: 'detached' });
  await focused(button).waitFor();
});
