import type { Assets } from './assets';

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] as string);
}

/**
 * What the page may do: run and show what this package brought, speak to where it came from, and be embedded by nobody
 * (CSP Level 3). No inline script or style, so that no name of a key could become one.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

function frame(head: readonly string[], body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>API keys</title>
${head.join('\n')}
</head>
<body>
${body}
</body>
</html>
`;
}

/** Relative throughout: the page does not know under which path it is mounted. */
function headOf({ styles, icon }: Assets): string[] {
  return [
    `<link rel="icon" href="assets/${icon}" type="image/svg+xml">`,
    ...styles.map((name) => `<link rel="stylesheet" href="assets/${name}">`),
  ];
}

function notice(title: string, ...paragraphs: string[]): string {
  return `<main class="notice"><h1>${title}</h1>${paragraphs.map((text) => `<p>${text}</p>`).join('')}</main>`;
}

export function appPage(assets: Assets): string {
  const script = `<script type="module" src="assets/${assets.script}"></script>`;
  const without = `<noscript>${notice('API keys', 'This page needs JavaScript. The same can be done from the command line: <code>npx keyscope</code>.')}</noscript>`;
  return frame([...headOf(assets), script], `<div id="app"></div>\n${without}`);
}

export function signInPage(assets: Assets, signInUrl: string | null): string {
  const how =
    signInUrl === null
      ? 'Sign in to the application, then reload this page.'
      : `<a class="button primary" href="${escapeHtml(signInUrl)}">Sign in</a>`;
  return frame(
    headOf(assets),
    notice('You are not signed in', 'API keys can be seen and managed after signing in.', how),
  );
}

export function notBuiltPage(): string {
  return frame(
    [],
    notice(
      'The console has not been built',
      'Its files are missing from this copy of keyscope. Run <code>npm run build</code>, then reload this page. The REST routes beside it work as they are.',
    ),
  );
}
