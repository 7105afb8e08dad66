// Makes src/redaction/stream/wasm/binary.ts of scanner.wat beside it: `npm install --no-save wabt@1.0.39`, then
// `node scripts/build-scanner.mjs`. Needed only after a change of scanner.wat, so wabt is no dependency.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const LINE = 112;

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), '../src/redaction/stream/wasm');
const source = readFileSync(path.join(folder, 'scanner.wat'), 'utf8');

async function loadWabt() {
  try {
    return (await import('wabt')).default();
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    process.stderr.write('wabt is not installed. Install it for this once: npm install --no-save wabt@1.0.39\n');
    process.exit(1);
  }
}

const wabt = await loadWabt();
const module = wabt.parseWat('scanner.wat', source, { simd: true });
module.resolveNames();
module.validate();
const { buffer } = module.toBinary({ write_debug_names: false });
if (!WebAssembly.validate(buffer)) throw new Error('This version of Node rejects the module.');

const text = Buffer.from(buffer).toString('base64');
const lines = Array.from({ length: Math.ceil(text.length / LINE) }, (_, i) => text.slice(i * LINE, (i + 1) * LINE));
const hash = createHash('sha256').update(source).digest('hex');
writeFileSync(
  path.join(folder, 'binary.ts'),
  `// Made of scanner.wat by scripts/build-scanner.mjs, not to be edited. SHA-256 of its source:
// ${hash}

export const SCANNER = Buffer.from(
  [
${lines.map((line) => `    '${line}',`).join('\n')}
  ].join(''),
  'base64',
);
`,
);
process.stdout.write(`${buffer.length} bytes.\n`);
