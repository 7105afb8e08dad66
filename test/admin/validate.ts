import { spawn } from 'node:child_process';
import path from 'node:path';
import { json } from 'node:stream/consumers';

/** Issues that a public validator finds in a document. */
export async function validate(document: unknown): Promise<{ valid: boolean; version: string; errors?: unknown }> {
  const child = spawn(process.execPath, [path.join(__dirname, 'validate-openapi.mjs')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify(document));
  return (await json(child.stdout)) as { valid: boolean; version: string };
}
