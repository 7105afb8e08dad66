import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (name: string) => fileURLToPath(new URL(`../../src/${name}.ts`, import.meta.url));

export default defineConfig({
  // Events are handled within 2.5 seconds at the latest.
  test: { testTimeout: 30_000, include: ['*.vitest.ts'], root: fileURLToPath(new URL('.', import.meta.url)) },
  // In an app of its own, these are the package.
  resolve: { alias: { 'keyscope/testing': source('testing'), keyscope: source('index') } },
});
