/** INFO's and CLUSTER INFO's lines, `name:value`. */
export function parseInfo(text: unknown): Map<string, string> {
  const lines = new Map<string, string>();
  for (const line of String(text).split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) lines.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return lines;
}
