// Builds the package: `node scripts/build.mjs [folder]`, into dist/ if no folder is given. One CommonJS implementation,
// and an ES module face that re-exports it, so that a program that loads the package both ways has one KeyscopeError and
// one of everything else.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildConsole } from './build-console.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const out = path.resolve(process.argv[2] ?? path.join(root, 'dist'));
// Beside the old one until it is complete: a failed build changes nothing.
const fresh = `${out}.${process.pid}.new`;

/** The compiler's own JavaScript entry, not the launcher in .bin, which is a shell script on some systems. */
function compilerPath() {
  const manifest = require.resolve('typescript/package.json');
  return path.join(path.dirname(manifest), require(manifest).bin.tsc);
}

function compile() {
  const args = [compilerPath(), '-p', path.join(root, 'tsconfig.build.json'), '--outDir', fresh];
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  return status === 0;
}

/** The names are those of the built package, so no list has to be maintained. */
function writeModuleFaces() {
  for (const entry of ['index', 'testing']) {
    const names = Object.keys(require(path.join(fresh, `${entry}.js`))).sort();
    const text = `import keyscope from './${entry}.js';\n\nexport const { ${names.join(', ')} } = keyscope;\n`;
    writeFileSync(path.join(fresh, `${entry}.mjs`), text);
  }
  // To the compiler, './index.js' beside this file is './index.d.ts': both faces share one set of types.
  for (const name of ['index', 'testing', 'unaugmented']) {
    writeFileSync(path.join(fresh, `${name}.d.mts`), `export * from './${name}.js';\n`);
  }
}

/**
 * Writes the console's files into a module, so that bundlers include them. The folder stays for an app that runs from the
 * sources of this repository; it is not published.
 */
async function writeConsole() {
  const folder = path.join(fresh, 'admin', 'console');
  await buildConsole(path.join(folder, 'assets'));
  const names = readdirSync(path.join(folder, 'assets'));
  const files = names.map((name) => [name, readFileSync(path.join(folder, 'assets', name), 'utf8')]);
  const text = JSON.stringify(Object.fromEntries(files), null, 1);
  writeFileSync(path.join(folder, 'built-page.js'), `'use strict';\nexports.BUILT_PAGE = ${text};\n`);
}

rmSync(fresh, { recursive: true, force: true });
try {
  if (compile()) {
    writeModuleFaces();
    await writeConsole();
    rmSync(out, { recursive: true, force: true });
    renameSync(fresh, out);
  } else process.exitCode = 1;
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
