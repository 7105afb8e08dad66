import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { PASSWORD, type World } from './harness';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Names of the browser on Debian and elsewhere. */
function findChromium(): string {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // Not here.
      }
    }
  }
  throw new Error('There is no chromium on the PATH: bash scripts/ensure-tools.sh chromium');
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(), headless: true, args: ARGS, timeout: 60_000 });
}

export interface Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Errors, violations of the page's policy, and requests to other hosts. There must be none. */
  readonly complaints: string[];
  /** Goes to a place in the console, e.g. `#/keys`. */
  open(hash?: string): Promise<void>;
}

export interface VisitOptions extends BrowserContextOptions {
  readonly readOnly?: boolean;
  readonly account?: string;
}

/** A signed-in operator in a window of their own. */
export async function visit(browser: Browser, { address }: World, options: VisitOptions = {}): Promise<Visitor> {
  const { readOnly = false, account = 'acme-uk', ...contextOptions } = options;
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/London', ...contextOptions });
  context.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  await context.exposeFunction('complain', (text: string) => complaints.push(text));
  await context.addInitScript({
    content:
      "addEventListener('securitypolicyviolation', (event) => complain('against the policy: ' + event.violatedDirective))",
  });
  context.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== address && !/^(?:blob|data):/.test(protocol)) complaints.push(request.url());
  });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('console', (message) => {
    // The browser reports failed requests, which the page shows to the operator.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text());
  });
  const search = new URLSearchParams({ password: PASSWORD, account, ...(readOnly && { read_only: 'yes' }) });
  const response = await context.request.get(`${address}/sign-in?${search}`);
  if (!response.ok()) throw new Error(`Could not sign in: ${response.status()}`);
  const page = await context.newPage();
  return {
    context,
    page,
    complaints,
    async open(hash = '') {
      await page.goto(`${address}/admin/api-keys/${hash}`);
    },
  };
}
