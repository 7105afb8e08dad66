const PLACEHOLDER_URL = 'https://your-api.example/v1/resource';

/** A string as one word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A command line that sends a request with the token. */
export function curlLine(exampleUrl: string | null, header: string, token: string): string {
  return `curl ${quoted(exampleUrl ?? PLACEHOLDER_URL)} -H ${quoted(`${header}: ${token}`)}`;
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
