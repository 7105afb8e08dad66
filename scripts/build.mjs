// Builds dist/: one CommonJS implementation, and an ES module face that re-exports it, so that a program that loads the
// package both ways has one KeyscopeError and one of everything else.
import { execFileSync } from 'node:child_process';
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const root = path.dirname(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname));
const require = createRequire(import.meta.url);
const dist = path.join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
execFileSync(path.join(root, 'node_modules/.bin/tsc'), ['-p', path.join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
});

const names = Object.keys(require(path.join(dist, 'index.js'))).sort();
writeFileSync(
  path.join(dist, 'index.mjs'),
  `import keyscope from './index.js';\n\nexport const { ${names.join(', ')} } = keyscope;\n`,
);
copyFileSync(path.join(dist, 'index.d.ts'), path.join(dist, 'index.d.mts'));
