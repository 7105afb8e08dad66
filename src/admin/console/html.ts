import escapeHtml from 'escape-html';
import type { Assets } from './assets';

/**
 * Content security policy (CSP Level 3): files of this package only, requests to the same origin only, no embedding.
 * Inline scripts and styles are not allowed, so that the name of a key cannot become one.
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
<html lang="en" translate="no">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<meta name="google" content="notranslate">
<title>API keys</title>
${head.join('\n')}
</head>
<body>
${body}
</body>
</html>
`;
}

/**
 * All links are relative, because a proxy in front may have removed a prefix from the path.
 *
 * @param base The last segment of the page's path and a slash, `'./api-keys/'`, or empty for the root.
 */
function headOf({ styles, icon }: Assets, base: string): string[] {
  return [
    `<link rel="icon" href="${escapeHtml(base)}assets/${icon}" type="image/svg+xml">`,
    ...styles.map((name) => `<link rel="stylesheet" href="${escapeHtml(base)}assets/${name}">`),
  ];
}

function notice(title: string, ...paragraphs: string[]): string {
  return `<main class="notice"><h1>${title}</h1>${paragraphs.map((text) => `<p>${text}</p>`).join('')}</main>`;
}

export function appPage(assets: Assets, base: string): string {
  const script = `<script type="module" src="${escapeHtml(base)}assets/${assets.script}"></script>`;
  const without = `<noscript>${notice('API keys', 'This page needs JavaScript. You can also use the command line: <code>npx keyscope</code>.')}</noscript>`;
  // The style sheet hides it. If a proxy changes the path, neither style sheet nor script can be loaded.
  const fallback = `<p class="fallback">If this text stays, the files of this page cannot be loaded. A proxy may change the path of this page: open it with a slash at the end of its address.</p>`;
  return frame([...headOf(assets, base), script], `<div id="app">${fallback}</div>\n${without}`);
}

export function signInPage(assets: Assets, base: string, signInUrl: string | null): string {
  const how =
    signInUrl === null
      ? 'Sign in to the application, then reload this page.'
      : `<a class="button primary" href="${escapeHtml(signInUrl)}">Sign in</a>`;
  return frame(headOf(assets, base), notice('You are not signed in', 'Sign in to view and manage API keys.', how));
}

export function notBuiltPage(): string {
  return frame(
    [],
    notice(
      'The console has not been built',
      'Its files are missing from this copy of keyscope. If you build keyscope from source, run <code>npm run build</code>. If your app is bundled, declare <code>keyscope</code> external. The REST operations work without it.',
    ),
  );
}
