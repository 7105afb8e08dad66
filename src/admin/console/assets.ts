import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

/** One file of the built page, as it goes out. */
export interface Asset {
  readonly body: Buffer;
  readonly type: string;
  readonly etag: string;
}

/** The built page: its files by name, and which of them it begins with. */
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

/** What the build writes beside the files: the names that they were given, by what they were made of. */
export const MANIFEST = 'manifest.json';

const manifestSchema = z.record(
  z.string(),
  z.object({ file: z.string(), isEntry: z.boolean().optional(), css: z.array(z.string()).optional() }),
);

/**
 * Where the built page is: beside this file in the package, and in `dist` where this file runs from its source. Null
 * where there is none.
 */
export function findAssets(): string | null {
  const places = [path.join(__dirname, 'assets'), path.join(__dirname, '../../../dist/admin/console/assets')];
  return places.find((folder) => existsSync(path.join(folder, MANIFEST))) ?? null;
}

function readAsset(folder: string, name: string, type: string): Asset {
  const body = readFileSync(path.join(folder, name));
  return { body, type, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}

/** Reads the whole built page, which is small. Throws where it is not whole. */
export function readAssets(folder: string): Assets {
  const manifest = manifestSchema.parse(JSON.parse(readFileSync(path.join(folder, MANIFEST), 'utf8')));
  const files = new Map<string, Asset>();
  for (const name of readdirSync(folder)) {
    const type = TYPES[path.extname(name)];
    if (type !== undefined) files.set(name, readAsset(folder, name, type));
  }
  const made = Object.entries(manifest);
  const entry = made.find(([, { isEntry }]) => isEntry)?.[1];
  const icon = made.find(([source]) => source.endsWith('.svg'))?.[1];
  if (entry === undefined || icon === undefined) throw new Error(`${folder} holds no built console.`);
  return { files, script: entry.file, styles: entry.css ?? [], icon: icon.file };
}
