import type { Store } from '../store';

/** Links of imported tokens to their keys, in memory. @param notify - Called for each alias that has changed. */
export function createAliases(notify: (alias: string) => void): Pick<Store, 'getAlias' | 'linkAlias' | 'unlinkAlias'> {
  const aliases = new Map<string, string>();
  return {
    async getAlias(alias) {
      return aliases.get(alias) ?? null;
    },

    async linkAlias(alias, id, replacing) {
      const held = aliases.get(alias);
      if (held !== undefined && held !== replacing) return held;
      aliases.set(alias, id);
      notify(alias);
      return id;
    },

    async unlinkAlias(alias, id) {
      if (aliases.get(alias) !== id) return;
      aliases.delete(alias);
      notify(alias);
    },
  };
}
