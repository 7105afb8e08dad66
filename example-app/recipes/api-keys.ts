import type { ApiKeysOptions } from 'keyscope';

/** Options of the recipes' app, apart from its store. */
export const OPTIONS = {
  permissions: {
    calls: { label: 'Calls', description: 'Read calls and their transcripts' },
    exports: { label: 'Exports', features: [], rateLimit: [{ limit: 2, window: '1h' }] },
    messages: { label: 'Messages', features: [] },
  },
  environment: 'live',
  tokenSource: ['bearer', { header: 'x-api-key' }],
  rateLimit: { default: [{ limit: 600, window: '1m' }], project: [{ limit: 5_000, window: '1m' }] },
  importedTokens: true,
} as const satisfies ApiKeysOptions;

export type Permission = keyof typeof OPTIONS.permissions;
