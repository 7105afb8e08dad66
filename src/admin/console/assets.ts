import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

/** A file of the built page, ready to send. */
export interface Asset {
  readonly body: Buffer;
  readonly type: string;
  readonly etag: string;
}

/** The built page: its files by name, and the entry points. */
export interface Assets {
  readonly files: ReadonlyMap<string, Asset>;
  readonly script: string;
  readonly styles: readonly string[];
  readonly icon: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Build manifest: the names of built files by the names of their sources. */
export const MANIFEST = 'manifest.json';

const manifestSchema = z.record(
  z.string(),
  z.object({ file: z.string(), isEntry: z.boolean().optional(), css: z.array(z.string()).optional() }),
);

/**
 * Folder of the built page, or null if it is not built. It is beside this file in the package, and in `dist` if this
 * file runs from source.
 */
export function findAssets(): string | null {
  const folders = [path.join(__dirname, 'assets'), path.join(__dirname, '../../../dist/admin/console/assets')];
  return folders.find((folder) => existsSync(path.join(folder, MANIFEST))) ?? null;
}

function readAsset(folder: string, name: string, type: string): Asset {
  const body = readFileSync(path.join(folder, name));
  return { body, type, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}

/** Reads all files of the built page. Throws if one is missing. */
export function readAssets(folder: string): Assets {
  const manifest = manifestSchema.parse(JSON.parse(readFileSync(path.join(folder, MANIFEST), 'utf8')));
  const files = new Map<string, Asset>();
  for (const name of readdirSync(folder)) {
    const type = TYPES[path.extname(name)];
    if (type !== undefined) files.set(name, readAsset(folder, name, type));
  }
  const entries = Object.entries(manifest);
  const entry = entries.find(([, { isEntry }]) => isEntry)?.[1];
  const icon = entries.find(([source]) => source.endsWith('.svg'))?.[1];
  if (entry === undefined || icon === undefined) throw new Error(`${folder} does not contain a built console.`);
  return { files, script: entry.file, styles: entry.css ?? [], icon: icon.file };
}
