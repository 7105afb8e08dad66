/** Uses of an app's middleware that the console has pages about. */
export class MiddlewareUse {
  /** Whether a route redacts responses or requires a feature. */
  features = false;
  /** Whether a route has `mode: 'report'`. */
  reports = false;

  /** The same function, which notes that features are used. */
  ofFeatures<Args extends unknown[], Result>(create: (...args: Args) => Result): (...args: Args) => Result {
    return (...args) => {
      this.features = true;
      return create(...args);
    };
  }

  /** The same function, which notes `mode: 'report'` in its last argument. */
  ofReports<Args extends unknown[], Result>(create: (...args: Args) => Result): (...args: Args) => Result {
    return (...args) => {
      const options = args.at(-1) as { readonly mode?: unknown } | null | undefined;
      if (options?.mode === 'report') this.reports = true;
      return create(...args);
    };
  }
}
