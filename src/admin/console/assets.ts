import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { BUILT_PAGE } from './built-page';

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

/** Contents of the built page's files by name. */
export type BuiltFiles = ReadonlyMap<string, string>;

/** Files of the built page, or null if it is not built. If this file runs from its source, they are in `dist`. */
export function findAssets(): BuiltFiles | null {
  if (BUILT_PAGE !== null) return new Map(Object.entries(BUILT_PAGE));
  const folder = path.join(__dirname, '../../../dist/admin/console/assets');
  if (!existsSync(path.join(folder, MANIFEST))) return null;
  return new Map(readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]));
}

function toAsset(text: string, type: string): Asset {
  const body = Buffer.from(text);
  return { body, type, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}

/** Prepares all files of the built page. Throws if one is missing. */
export function readAssets(built: BuiltFiles): Assets {
  const manifest = manifestSchema.parse(JSON.parse(built.get(MANIFEST) ?? '{}'));
  const files = new Map<string, Asset>();
  for (const [name, text] of built) {
    const type = TYPES[path.extname(name)];
    if (type !== undefined) files.set(name, toAsset(text, type));
  }
  const entries = Object.entries(manifest);
  const entry = entries.find(([, { isEntry }]) => isEntry)?.[1];
  const icon = entries.find(([source]) => source.endsWith('.svg'))?.[1];
  if (entry === undefined || icon === undefined) throw new Error('The files of the console are incomplete.');
  return { files, script: entry.file, styles: entry.css ?? [], icon: icon.file };
}
