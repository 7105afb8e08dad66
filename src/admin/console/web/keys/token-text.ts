const NO_URL = 'https://your-api.example/v1/resource';

/** A text as one word for a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A line for a terminal that tries the key. */
export function curlLine(exampleUrl: string | null, header: string, token: string): string {
  return `curl ${quoted(exampleUrl ?? NO_URL)} -H ${quoted(`${header}: ${token}`)}`;
}

/** A line for an `.env` file. */
export function envLine(token: string): string {
  return `API_KEY=${token}\n`;
}

/** A file's name that any system takes. */
export function fileName(name: string): string {
  const safe = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
    .slice(0, 40);
  return `${safe === '' ? 'api-key' : safe}.env`;
}

/** Hands a text to the browser as a file. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken hold of it by the next turn; after that nothing here holds the text any more.
  setTimeout(() => URL.revokeObjectURL(url));
}
