/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'commonjs' } },
    ],
  },
  moduleNameMapper: { '^keyscope$': '<rootDir>/src/index.ts', '^keyscope/testing$': '<rootDir>/src/testing.ts' },
  // Two cores: one worker drives Node, the other leaves room for the redis-servers the tests start.
  maxWorkers: 2,
  // A worker of a busy machine takes longer to end than the half second after which Jest reports an open handle.
  workerGracefulExitTimeout: 5000,
  testTimeout: 60_000,
};
