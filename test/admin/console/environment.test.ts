import type { Page } from 'playwright-core';
import { OPEN, WORKSPACE } from './harness';
import { dialog, fillIn, focused, row, useScene } from './setup';

const scene = useScene();

/** Wraps text nodes as a browser's translator does, so that the page's own references to them are detached. */
async function translate(page: Page): Promise<void> {
  await page.evaluate(`{
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const nodes = [];
    while (walker.nextNode()) nodes.push(walker.currentNode);
    for (const node of nodes) {
      if (node.data.trim() === '' || node.parentElement.closest('script, style')) continue;
      const inner = document.createElement('font');
      const outer = document.createElement('font');
      inner.textContent = node.data;
      outer.append(inner);
      node.replaceWith(outer);
    }
  }`);
}

test('the menu of the last row is inside the window and works by keyboard', async () => {
  const { world, enter } = scene;
  for (let made = 0; made < 12; made += 1) await world.create(`Menu ${made}`);
  for (const viewport of [
    { width: 1440, height: 900 },
    { width: 390, height: 844 },
  ]) {
    const { page, open } = await enter({ viewport });
    await open('#/keys?sort=name');
    const button = page.getByLabel('More for Menu 9');
    await button.scrollIntoViewIfNeeded();
    await button.focus();
    await page.keyboard.press('Enter');
    const items = page.getByRole('menuitem');
    await focused(items.first()).waitFor();
    for (const item of await items.all()) {
      const box = (await item.boundingBox())!;
      expect(box.y).toBeGreaterThanOrEqual(0);
      expect(box.y + box.height).toBeLessThanOrEqual(viewport.height);
      expect(box.x + box.width).toBeLessThanOrEqual(viewport.width);
    }
    await page.keyboard.press('End');
    await focused(page.getByRole('menuitem', { name: 'Delete' })).waitFor();
    await page.keyboard.press('ArrowDown');
    await focused(items.first()).waitFor();
    await page.keyboard.press('r');
    await focused(page.getByRole('menuitem', { name: 'Rotate' })).waitFor();
    await page.keyboard.press('Escape');
    expect(await items.count()).toBe(0);
    await focused(button).waitFor();
  }
});

test('shortcuts focus the search and open the create dialog, and do nothing while typing', async () => {
  const { page, open } = await scene.enter();
  await open();
  await page.getByLabel('Search keys').waitFor();
  await page.keyboard.press('/');
  await focused(page.getByLabel('Search keys')).waitFor();
  await page.keyboard.type('c/');
  expect(await page.getByLabel('Search keys').inputValue()).toBe('c/');
  await page.getByRole('heading', { name: 'API keys', level: 1 }).click();
  await page.keyboard.press('c');
  await dialog(page, 'Create an API key').waitFor();
});

test('the search keeps what is typed while the text before it becomes part of the URL', async () => {
  const { page, open } = await scene.enter();
  await open();
  const search = page.getByLabel('Search keys');
  await search.fill('live ');
  await page.waitForURL(/q=live/);
  await page.evaluate(() => {
    const input = document.querySelector<HTMLInputElement>('input[type=search]')!;
    addEventListener(
      'hashchange',
      () => {
        input.value += '/';
        input.dispatchEvent(new Event('input', { bubbles: true }));
      },
      { once: true, capture: true },
    );
  });
  expect(await search.inputValue()).toBe('live ');
  await search.press('c');
  await page.waitForURL(/q=live%20c%2F|q=live\+c%2F/);
  expect(await search.inputValue()).toBe('live c/');
});

test('an open dialog is in the URL and is open again after a reload', async () => {
  const { world, enter } = scene;
  const { id } = await world.create('Linked');
  const { page, open } = await enter();
  await open();
  await page.getByRole('button', { name: 'Edit Linked' }).click();
  await dialog(page, 'Edit API key').waitFor();
  expect(page.url()).toContain(encodeURIComponent(`edit:${id}`));
  await page.reload();
  await dialog(page, 'Edit API key').getByRole('button', { name: 'Cancel' }).click();
  await row(page, 'Linked').waitFor();
  expect(page.url()).not.toContain('dialog');
});

test('an unknown page says so', async () => {
  const { page, open } = await scene.enter();
  await open('#/nope');
  await page.getByRole('heading', { name: 'Page not found' }).waitFor();
  await page.getByRole('link', { name: 'Show the API keys' }).click();
  await page.getByRole('heading', { name: 'API keys', level: 1 }).waitFor();
});

test('the page works at an address with user name and password, and without a slash at its end', async () => {
  const { world, enter } = scene;
  await world.create('Reached');
  const { page } = await enter();
  for (const url of [
    `${world.address.replace('http://', 'http://user:secret@')}/admin/api-keys/`,
    `${world.address.replace('http://', 'http://user:secret@')}/admin/api-keys`,
    `${world.address}/admin/api-keys?from=menu`,
  ]) {
    await page.goto(url);
    await row(page, 'Reached').waitFor();
  }
});

test('a page that the browser has translated shows what is true', async () => {
  const { world, enter } = scene;
  const { id } = await world.create('Before');
  const { page, open } = await enter();
  await open();
  await row(page, 'Before').waitFor();
  expect(await page.locator('html').getAttribute('translate')).toBe('no');
  await page.getByRole('button', { name: 'Edit Before' }).click();
  await translate(page);
  const form = dialog(page, 'Edit API key');
  await form.getByRole('textbox', { name: 'Name' }).fill('After');
  await form.getByRole('button', { name: 'Save' }).click();
  await row(page, 'After').waitFor();
  expect(await row(page, 'Before').count()).toBe(0);
  expect((await world.apiKeys.keys.get(id, { workspaceId: WORKSPACE })).name).toBe('After');

  await fillIn(page, 'Translated');
  await translate(page);
  const create = dialog(page, 'Create an API key');
  await create.locator('#create-expiry label input').first().check();
  const end = new Date(Date.now() + 7 * 86_400_000);
  const date = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'Europe/London' }).format(end);
  await create.getByText(`The key works until ${date}`).waitFor();
});

test("dates are in the browser's locale and with its time zone", async () => {
  const { world, enter } = scene;
  await world.create('Located', { expiresAt: '2040-11-28T23:30:00Z' } as never);
  const { page, open } = await enter({ locale: 'de-DE', timezoneId: 'Europe/Berlin' });
  await open();
  const time = row(page, 'Located').locator('.cell-expires time');
  expect(await time.textContent()).toBe('29. Nov. 2040');
  expect(await time.getAttribute('title')).toMatch(/^29\. Nov\. 2040, 00:30 MEZ$/);
});

test('the page works when the server is of an older version', async () => {
  const { world, enter } = scene;
  await world.create('Old server');
  const { page, open, context } = await enter();
  for (const [path, drop] of [
    ['session', ({ allowsOtherAgents: _, ...body }: Record<string, unknown>) => body],
    [
      'permissions',
      ({ permissions }: { permissions: { features?: unknown }[] }) => ({
        permissions: permissions.map(({ features: _, ...permission }) => permission),
      }),
    ],
    ['keys?*', ({ total: _, ...body }: Record<string, unknown>) => body],
  ] as const) {
    await context.route(`**/admin/api-keys/${path}`, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: drop((await response.json()) as never) });
    });
  }
  await open();
  await row(page, 'Old server').waitFor();
  await page.getByText('on this page').waitFor();
  await page.getByRole('link', { name: 'Configuration' }).click();
  await page.getByRole('heading', { name: 'Acme front desk' }).waitFor();
});

test('the console offers to add agents only when the app accepts any', async () => {
  const { world, enter } = scene;
  const { page, open } = await enter();
  for (const [show, offered] of [
    [() => open(), 0],
    [() => page.goto(`${world.address}${OPEN}/`), 1],
  ] as const) {
    await show();
    await fillIn(page, 'Any');
    const form = dialog(page, 'Create an API key');
    await form.getByLabel('Chosen agents').check();
    await form.getByRole('combobox', { name: 'Add an agent' }).fill('PROJECT-OF-TOMORROW');
    await form.getByText(offered === 1 ? 'Add “PROJECT-OF-TOMORROW”' : 'No matches').waitFor();
    await page.keyboard.press('Escape');
    await form.getByRole('button', { name: 'Cancel' }).click();
  }
});

test('the chart is drawn at its width and says that days are in UTC', async () => {
  const { world, enter } = scene;
  const key = await world.create('Drawn');
  await world.use(key, 2);
  for (const width of [390, 1440]) {
    const { page, open } = await enter({ viewport: { width, height: 900 } });
    await open(`#/key?key=${key.id}`);
    const chart = page.locator('svg.chart');
    await chart.waitFor();
    const box = (await chart.boundingBox())!;
    expect(await chart.getAttribute('viewBox')).toBe(`0 0 ${Math.round(box.width)} ${Math.round(box.height)}`);
    await page.getByText('Days are in UTC.').waitFor();
    await page.getByRole('radio', { name: '7 days' }).check();
    await page.getByText('in the last 7 days').waitFor();
    expect(page.url()).toContain('days=7');
  }
});

test('the console has the name of the product and the workspace, and links to sign out', async () => {
  const { page, open } = await scene.enter();
  await open();
  const header = page.getByRole('banner');
  await header.getByText('Voice-agent platform').waitFor();
  await header.getByText('Acme UK').waitFor();
  await header.getByRole('link', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in to the example' }).waitFor();
  await open();
  await page.getByRole('heading', { name: 'You are not signed in' }).waitFor();
});

test('a workspace without keys shows how to begin', async () => {
  const { page, open } = await scene.enter({ account: 'globex' });
  await open();
  await page.getByRole('heading', { name: 'No keys yet' }).waitFor();
  await page.getByText('x-api-key: YOUR_TOKEN').waitFor();
  await page.getByRole('button', { name: 'Create the first key' }).click();
  await dialog(page, 'Create an API key').waitFor();
});
