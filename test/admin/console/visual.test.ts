import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { waitUntil } from '../../support/wait-until';
import type { Visitor } from './browser';
import { OTHER_PROJECT, PASSWORD, PROJECT, WORKSPACE } from './harness';
import { choose, dialog, fillIn, useScene } from './setup';

const scene = useScene();
const SCREENSHOTS = join(__dirname, '..', '..', '..', 'screenshots');
const AXE = require.resolve('axe-core/axe.min.js');

const ADMIN = { workspaceId: WORKSPACE, actor: 'admin@acme.example' };
let keyId: string;
let warehouseId: string;

beforeAll(async () => {
  const { world } = scene;
  mkdirSync(SCREENSHOTS, { recursive: true });
  const actor = { workspaceId: WORKSPACE, actor: 'support@acme.example' };
  await world.apiKeys.projects.set(PROJECT, { transcript: true, metrics: 'all' }, actor);
  await world.apiKeys.projects.set(
    OTHER_PROJECT,
    { transcript: false, metrics: ['CALL_COMPLETED', 'HANDOFF_TO'] },
    actor,
  );
  const old = await world.create('Retired partner', { permissions: ['external_events'] });
  world.hook.status = 410;
  await world.apiKeys.keys.update(old.id, { disabled: true }, actor);
  await waitUntil('a webhook has failed', async () => (await world.apiKeys.webhooks.failed()).length > 0);
  const agents = [PROJECT, OTHER_PROJECT, 'PROJECT-C1V9TT3E'];
  const warehouse = await world.create('Warehouse export', { agents, expiresIn: '90d' });
  warehouseId = warehouse.id;
  const analytics = await world.create('Nightly analytics', {
    agents: [PROJECT],
    expiresIn: '6d',
    allowedIps: ['127.0.0.0/8', '2001:db8:4::/48'],
    rateLimit: [
      { limit: 50, window: '1s' },
      { limit: 100_000, window: '1d' },
    ],
    owner: { kind: 'service', id: 'billing-export-service-eu-central-1' },
    contact: 'data-platform-oncall@acme.example',
    metadata: { team: 'billing', 'cost-centre': '4711', purpose: 'nightly export of conversations to the warehouse' },
  });
  const crm = await world.create('CRM sync', { permissions: ['conversations', 'handoff', 'external_events'] });
  await world.use(crm, 24);
  await world.use(analytics, 9);
  await world.use(analytics, 4, '/v3/acme-uk/acme-bookings/conversations');
  keyId = analytics.id;
  for (const project of [OTHER_PROJECT, OTHER_PROJECT, 'PROJECT-NONE']) {
    await fetch(`${world.address}/trial/${project}`, { headers: { 'x-api-key': warehouse.token } });
  }
}, 120_000);

/** Issues found by axe, one a line. */
async function violations(page: Page, rules: string): Promise<string[]> {
  await page.addScriptTag({ path: AXE });
  const found = await page.evaluate(`axe.run(document, { resultTypes: ['violations'], ${rules} })`);
  const { violations: all } = found as {
    violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  return all.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}

interface Sight {
  readonly name: string;
  show(visitor: Visitor): Promise<void>;
}

/** Opens the console in a new document. */
async function openFresh({ page, open }: Visitor, hash: string): Promise<void> {
  await page.goto('about:blank');
  await open(hash);
}

async function openKeys(visitor: Visitor): Promise<void> {
  const { page } = visitor;
  await openFresh(visitor, '#/keys');
  await page.locator('.cell-used time').first().waitFor();
}

/** The dialog of an action in a key's menu, when it shows `text`. */
function actionSight(action: string, key: string, text: string): Sight {
  return {
    name: action.toLowerCase(),
    async show(visitor) {
      await openKeys(visitor);
      await choose(visitor.page, key, action);
      await dialog(visitor.page, `${action} API key`).getByText(text).waitFor();
    },
  };
}

const SIGHTS: readonly Sight[] = [
  { name: 'keys', show: openKeys },
  {
    name: 'menu',
    async show(visitor) {
      await openKeys(visitor);
      await visitor.page.getByLabel('More for CRM sync').click();
      await visitor.page.getByRole('menuitem', { name: 'Delete' }).waitFor();
    },
  },
  {
    name: 'create',
    async show(visitor) {
      await openKeys(visitor);
      await fillIn(visitor.page, 'Monthly report');
      await visitor.page.getByLabel('Chosen agents').check();
      await visitor.page.getByRole('combobox', { name: 'Add an agent' }).click();
      await visitor.page.locator('.combobox-list [role=option]').first().click();
    },
  },
  {
    name: 'create-errors',
    async show(visitor) {
      await openKeys(visitor);
      await visitor.page.getByRole('button', { name: 'Create key' }).click();
      const form = dialog(visitor.page, 'Create an API key');
      await form.getByLabel('On a date').check();
      await form.getByRole('button', { name: 'Create key' }).click();
      for (const text of ['Enter a name.', 'Choose a date.']) await form.getByText(text).waitFor();
    },
  },
  {
    name: 'reveal',
    async show(visitor) {
      await openKeys(visitor);
      await fillIn(visitor.page, 'Shown once');
      await dialog(visitor.page, 'Create an API key').getByRole('button', { name: 'Create key' }).click();
      await dialog(visitor.page, 'Save the token').waitFor();
    },
  },
  {
    name: 'ask',
    async show({ page }) {
      await page.keyboard.press('Escape');
      await page.getByRole('alertdialog').waitFor();
    },
  },
  {
    name: 'copied',
    async show({ page }) {
      await page.getByRole('button', { name: 'Go back' }).click();
      await page.getByRole('button', { name: 'Copy the token' }).click();
      await page.getByText('Token copied.').waitFor();
    },
  },
  {
    name: 'edit',
    async show(visitor) {
      await visitor.page.getByRole('button', { name: 'Done' }).click();
      await visitor.page.getByRole('button', { name: 'Edit Nightly analytics' }).click();
      await dialog(visitor.page, 'Edit API key').waitFor();
    },
  },
  actionSight('Rotate', 'CRM sync', 'Creates a new key'),
  actionSight('Delete', 'CRM sync', '24 requests'),
  actionSight('Disable', 'CRM sync', '24 requests'),
  {
    name: 'report-leak',
    async show(visitor) {
      await openKeys(visitor);
      await visitor.page.getByRole('button', { name: 'Report a leak' }).click();
      const form = dialog(visitor.page, 'Report a leaked key');
      await form.getByRole('button', { name: 'Report leak' }).click();
      await form.getByText('Enter the token').waitFor();
    },
  },
  {
    name: 'unknown-leak',
    async show({ page }) {
      const form = dialog(page, 'Report a leaked key');
      await form.getByLabel('Token, or id').fill('ks_unknown');
      await form.getByLabel('Reported by').fill('support ticket 4711');
      await form.getByRole('button', { name: 'Report leak' }).click();
      await form.getByText('No key of this workspace').waitFor();
    },
  },
  {
    name: 'reported-leak',
    async show({ page }) {
      const form = dialog(page, 'Report a leaked key');
      await form.getByLabel('Token, or id').fill(warehouseId);
      await form
        .getByLabel('Found at')
        .fill('https://github.com/acme/warehouse-export/blob/main/deploy/.env.production');
      await form.getByLabel('Only record').check();
      await form.getByRole('button', { name: 'Report leak' }).click();
      await dialog(page, 'Leak reported').getByText('The report is recorded.').waitFor();
    },
  },
  {
    name: 'leaked-key',
    async show(visitor) {
      await openFresh(visitor, `#/key?key=${warehouseId}`);
      await visitor.page.getByText('Found at').waitFor();
      await visitor.page.locator('.entry').first().waitFor();
    },
  },
  actionSight('Enable', 'Retired partner', 'Never'),
  {
    name: 'conflict',
    async show(visitor) {
      await openKeys(visitor);
      const { page } = visitor;
      await page.getByRole('button', { name: 'Edit Warehouse export' }).click();
      const form = dialog(page, 'Edit API key');
      await form.getByLabel('Handoff').check();
      const { keys } = scene.world.apiKeys;
      const { disabled } = await keys.get(warehouseId);
      await keys.update(warehouseId, { disabled: !disabled }, ADMIN);
      await form.getByRole('button', { name: 'Save' }).click();
      await form.getByText('changed this key').waitFor();
    },
  },
  {
    name: 'no-matches',
    async show(visitor) {
      await openFresh(visitor, '#/keys?q=nothing');
      await visitor.page.getByText('No key matches').waitFor();
    },
  },
  {
    name: 'filters',
    async show(visitor) {
      await openFresh(visitor, '#/keys?status=active&createdBy=admin%40acme.example');
      await visitor.page.locator('.cell-used time').first().waitFor();
    },
  },
  {
    name: 'change-all',
    async show({ page }) {
      await page.getByRole('button', { name: 'all that match' }).click();
      await dialog(page, 'Change all matching keys').getByText('will be disabled').waitFor();
    },
  },
  {
    name: 'stopped-change',
    async show({ page }) {
      const form = dialog(page, 'Change all matching keys');
      await page.route('**/disable-all', (route) => route.abort(), { times: 1 });
      await form.getByRole('button', { name: 'Disable' }).click();
      await form.getByText('The server cannot be reached').waitFor();
    },
  },
  {
    name: 'offboard',
    async show(visitor) {
      await openKeys(visitor);
      await visitor.page.getByRole('button', { name: 'Revoke by owner' }).click();
      await dialog(visitor.page, 'Revoke the keys of an owner').waitFor();
    },
  },
  {
    name: 'offboard-counted',
    async show({ page }) {
      const form = dialog(page, 'Revoke the keys of an owner');
      await form.getByLabel('Owner is a').selectOption('service');
      await form.getByLabel('Id of the owner').fill('billing-export-service-eu-central-1');
      await form.getByRole('button', { name: 'Count keys' }).click();
      await form.getByText('will be deleted').waitFor();
    },
  },
  {
    name: 'webhooks',
    async show(visitor) {
      await openFresh(visitor, '#/webhooks');
      await visitor.page.locator('.failed .entry').first().waitFor();
    },
  },
  {
    name: 'reports',
    async show(visitor) {
      await openFresh(visitor, '#/reports');
      await visitor.page.locator('.reports').first().waitFor();
    },
  },
  {
    name: 'configuration',
    async show(visitor) {
      const { page } = visitor;
      await openFresh(visitor, '#/configuration');
      await page.getByRole('heading', { name: 'Acme billing' }).waitFor();
    },
  },
  {
    name: 'cleared',
    async show({ page }) {
      const card = page.locator('.card').filter({ has: page.getByRole('heading', { name: 'Acme bookings' }) });
      await card.getByRole('button', { name: 'Clear configuration' }).click();
      await page.getByText('was cleared').waitFor();
    },
  },
  {
    name: 'uncleared',
    async show({ page }) {
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByText('This takes effect within a second').waitFor();
    },
  },
  {
    name: 'why',
    async show(visitor) {
      const { page } = visitor;
      await openFresh(visitor, `#/why?key=${keyId}&project=${OTHER_PROJECT}`);
      await page.getByText('Requests are denied').first().waitFor();
    },
  },
  {
    name: 'why-choosing',
    async show(visitor) {
      const { page } = visitor;
      await openFresh(visitor, '#/why');
      await page.getByRole('combobox', { name: 'Key' }).click();
      await page.getByRole('option', { name: 'CRM sync' }).waitFor();
    },
  },
  {
    name: 'key',
    async show(visitor) {
      const { page } = visitor;
      await openFresh(visitor, `#/key?key=${keyId}`);
      await page.getByText('13 requests').waitFor();
      await page.locator('.entry').first().waitFor();
    },
  },
  {
    name: 'edit-columns',
    async show({ page }) {
      await page.getByRole('button', { name: 'Edit' }).click();
      await dialog(page, 'Edit API key').getByRole('textbox', { name: 'Metadata' }).scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'activity',
    async show(visitor) {
      const { page } = visitor;
      await openFresh(visitor, '#/activity');
      await page.locator('.entry').first().waitFor();
    },
  },
  {
    name: 'offline',
    async show(visitor) {
      const { page } = visitor;
      await openKeys(visitor);
      await page.route('**/audit?*', (route) => route.abort());
      await page.getByRole('link', { name: 'Activity' }).click();
      await page.getByText('The server cannot be reached').waitFor();
    },
  },
  {
    name: 'session-ended',
    async show(visitor) {
      await openKeys(visitor);
      await fillIn(visitor.page, 'Typed before the session ended');
      await visitor.context.clearCookies();
      await dialog(visitor.page, 'Create an API key').getByRole('button', { name: 'Create key' }).click();
      await visitor.page.getByText('Your session has ended').waitFor();
    },
  },
  {
    name: 'first-key',
    async show(visitor) {
      const { context, page } = visitor;
      await context.request.get(`${scene.world.address}/sign-in?password=${PASSWORD}&account=globex`);
      await openFresh(visitor, '#/keys');
      await page.getByRole('heading', { name: 'No keys yet' }).waitFor();
    },
  },
  {
    name: 'signed-out',
    async show({ page, open, context }) {
      await context.clearCookies();
      await open();
      await page.getByRole('heading', { name: 'You are not signed in' }).waitFor();
    },
  },
];

/** All rules once. With other colours or another width, only the rules that depend on them. */
const LOOKS = [
  { colorScheme: 'light', width: 1440, height: 900, rules: '' },
  { colorScheme: 'dark', width: 1440, height: 900, rules: "runOnly: ['color-contrast']" },
  { colorScheme: 'light', width: 390, height: 844, rules: null },
  { colorScheme: 'dark', width: 390, height: 844, rules: null },
] as const;

test.each(LOOKS)(
  'every page and dialog in $colorScheme, $width pixels wide, passes axe and fits the window',
  async ({ colorScheme, width, height, rules }) => {
    const visitor = await scene.enter({
      colorScheme,
      viewport: { width, height },
      reducedMotion: 'reduce',
      // The page's policy would block axe. Other tests hold the policy.
      bypassCSP: true,
    });
    const { page } = visitor;
    const found: string[] = [];
    for (const { name, show } of SIGHTS) {
      await show(visitor);
      await page.screenshot({
        path: join(SCREENSHOTS, `${name}-${colorScheme}-${width}.png`),
        fullPage: (await page.locator('dialog[open], [role=menu]').count()) === 0,
      });
      if (rules !== null) found.push(...(await violations(page, rules)).map((violation) => `${name}: ${violation}`));
      const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      if (Number(overflow) > 0) found.push(`${name}: ${overflow} pixels too wide`);
      for (const button of await page.locator('.dialog-actions .button:visible, [role=menuitem]').all()) {
        const box = await button.boundingBox();
        if (box === null || box.y < 0 || box.y + box.height > height || box.x < 0 || box.x + box.width > width)
          found.push(`${name}: the button ${await button.textContent()} is outside of the window`);
      }
    }
    expect(found).toEqual([]);
  },
  400_000,
);
