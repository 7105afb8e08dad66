const PLACEHOLDER_URL = 'https://your-api.example/v1/resource';

/** A string as one word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Where a request has the token: `{token}` in `value` stands for it. Null if only the app knows. */
type TokenExample = { readonly in: 'header' | 'query'; readonly name: string; readonly value: string } | null;

/** A command line that sends a request with the token. */
export function curlLine(exampleUrl: string | null, example: TokenExample, token: string): string {
  const url = exampleUrl ?? PLACEHOLDER_URL;
  if (example === null) return `curl ${quoted(url)}`;
  const value = example.value.replace('{token}', () => token);
  if (example.in === 'header') return `curl ${quoted(url)} -H ${quoted(`${example.name}: ${value}`)}`;
  const parameter = `${encodeURIComponent(example.name)}=${encodeURIComponent(value)}`;
  return `curl ${quoted(`${url}${url.includes('?') ? '&' : '?'}${parameter}`)}`;
}

/** Says in a sentence's end where a program sends the token. */
export function tokenPlace(example: TokenExample): string {
  if (example === null) return 'with each request';
  return example.in === 'header' ? `in the header ${example.name}` : `in the query parameter ${example.name}`;
}

/** A line for an `.env` file. */
export function envLine(token: string): string {
  return `API_KEY=${token}\n`;
}

/** A file name that is valid on all systems. */
export function fileName(name: string): string {
  const safe = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
    .slice(0, 40);
  return `${safe === '' ? 'api-key' : safe}.env`;
}

/** Downloads a text as a file. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has its own reference by the next task. Afterwards, nothing here refers to the text.
  setTimeout(() => URL.revokeObjectURL(url));
}
