// Builds the console's page: `node scripts/build-console.mjs [folder]`, into dist/admin/console/assets if no folder is
// given. Files that are in use there are kept: a new build has new names, and its manifest is written last.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const web = path.join(root, 'src', 'admin', 'console', 'web');
const MANIFEST = 'manifest.json';

/** @param {string} folder */
export async function buildConsole(folder) {
  const fresh = mkdtempSync(path.join(os.tmpdir(), 'keyscope-console-'));
  try {
    await build({
      configFile: false,
      root: web,
      base: './',
      logLevel: 'warn',
      publicDir: false,
      build: {
        outDir: fresh,
        emptyOutDir: true,
        assetsDir: '',
        // The icon is a file of its own, so that the page needs no `data:` URL for it.
        assetsInlineLimit: 0,
        manifest: MANIFEST,
        modulePreload: false,
        reportCompressedSize: false,
        target: 'es2022',
        rollupOptions: { input: path.join(web, 'main.tsx') },
      },
    });
    mkdirSync(folder, { recursive: true });
    const names = readdirSync(fresh).filter((name) => name !== MANIFEST);
    for (const name of names) install(path.join(fresh, name), path.join(folder, name));
    install(path.join(fresh, MANIFEST), path.join(folder, MANIFEST));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Atomic, because another process can read the file at the same time. */
function install(from, to) {
  const beside = `${to}.${process.pid}.new`;
  copyFileSync(from, beside);
  renameSync(beside, to);
}

if (path.resolve(process.argv[1] ?? '') === fileURLToPath(import.meta.url)) {
  await buildConsole(path.resolve(process.argv[2] ?? path.join(root, 'dist', 'admin', 'console', 'assets')));
}
