import type { Browser, Locator, Page } from 'playwright-core';
import { launch, type VisitOptions, type Visitor, visit } from './browser';
import { buildPage, startWorld, type World } from './harness';

/** Fixtures of a test file, set by its `beforeAll`. */
export interface Scene {
  readonly world: World;
  /** An operator in a window of their own. It closes after the test, and must have had no errors. */
  enter(options?: VisitOptions): Promise<Visitor>;
}

/** Builds the page, starts the example app on a Redis and a browser, and ends all of it after the last test. */
export function useScene(): Scene {
  let world: World;
  let browser: Browser;
  const visitors: Visitor[] = [];
  jest.setTimeout(90_000);

  beforeAll(async () => {
    buildPage();
    [world, browser] = await Promise.all([startWorld(), launch()]);
  }, 120_000);
  afterEach(async () => {
    const complaints = visitors.flatMap((visitor) => visitor.complaints);
    await Promise.all(visitors.splice(0).map(({ context }) => context.close()));
    expect(complaints).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await world?.stop();
  });

  return {
    get world() {
      return world;
    },
    async enter(options) {
      const visitor = await visit(browser, world, options);
      visitors.push(visitor);
      return visitor;
    },
  };
}

export function row(page: Page, name: string): Locator {
  return page.locator('.keys tbody tr').filter({ has: page.getByRole('rowheader', { name, exact: false }) });
}

export async function choose(page: Page, name: string, item: string): Promise<void> {
  await page.getByLabel(`More for ${name}`).click();
  await page.getByRole('menuitem', { name: item, exact: true }).click();
}

/** An element, as long as it has the focus. */
export function focused(element: Locator): Locator {
  return element.and(element.page().locator(':focus'));
}

/** Name of the open dialog. */
export function dialog(page: Page, title: string): Locator {
  return page.getByRole('dialog', { name: title });
}

export const TOKEN = /ks_[0-9A-Za-z]{16}_[0-9A-Za-z]{38}/;

/** Fills in the form for a new key. */
export async function fillIn(page: Page, name: string, permission = 'Conversations data'): Promise<void> {
  await page.getByRole('button', { name: 'Create key' }).click();
  const form = dialog(page, 'Create an API key');
  await form.getByRole('textbox', { name: 'Name' }).fill(name);
  await form.getByRole('checkbox', { name: permission }).check();
}

/** Creates a key in the console, and returns the token that it shows. */
export async function make(page: Page, name: string): Promise<string> {
  await fillIn(page, name);
  await dialog(page, 'Create an API key').getByRole('button', { name: 'Create key' }).click();
  return dialog(page, 'Save the token').getByLabel('Token of').inputValue();
}
