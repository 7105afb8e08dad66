/** The options that were given. */
export interface Values {
  /** The option's text, the last where it was given more than once. */
  text(name: string): string | undefined;
  /** Everything that was given for it. */
  texts(name: string): readonly string[];
  flag(name: string): boolean;
}
