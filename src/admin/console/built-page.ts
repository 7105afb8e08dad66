/**
 * Contents of the built page's files by name, its manifest included, so that bundled apps contain them. Null in the
 * sources: `scripts/build.mjs` puts the built page in the place of this file.
 */
export const BUILT_PAGE: Readonly<Record<string, string>> | null = null;
