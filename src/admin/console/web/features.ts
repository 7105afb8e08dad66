import type { Permission } from './api/types';

/** Used if the server is older than this page and does not say. */
const ALL_FEATURES = ['transcript', 'metrics'];

/** The features that responses for a permission contain. */
export function featuresOf({ features = ALL_FEATURES }: Permission): readonly string[] {
  return features;
}

/** True if responses for any permission contain features, so that projects have something to configure. */
export function hasFeatures(permissions: readonly Permission[]): boolean {
  return permissions.some((permission) => featuresOf(permission).length > 0);
}
