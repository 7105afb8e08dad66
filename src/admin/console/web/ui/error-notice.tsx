import { useContext, useEffect, useRef } from 'preact/hooks';
import type { ApiError } from '../api/api-error';
import { AppContext } from '../context';
import type { Loaded } from '../use-load';
import { Button } from './button';
import { Icon } from './icon';

export interface ErrorNoticeProps {
  /** The failed action: "The key was not created." */
  readonly title: string;
  readonly error: ApiError;
  /** Fields that show their own issues. */
  readonly shownElsewhere?: readonly string[];
  onRetry?(): void;
}

function SignIn() {
  // The context is null if the page could not be loaded.
  const url = useContext(AppContext)?.session.signInUrl;
  if (!url) return <>Sign in to the application again in another tab</>;
  return (
    <a href={url} target="_blank" rel="noopener">
      Sign in again in another tab
    </a>
  );
}

/** An error, and what to do about it. */
export function ErrorNotice({ title, error, shownElsewhere = [], onRetry }: ErrorNoticeProps) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => ref.current?.scrollIntoView({ block: 'nearest' }), [error]);
  const expired = error.code === 'unauthenticated';
  const issues = error.issues.filter(
    ({ path }) => !shownElsewhere.some((name) => path === name || path.startsWith(`${name}.`)),
  );
  return (
    <div class="note danger" role="alert" ref={ref}>
      <Icon name={expired ? 'lock' : 'warning'} />
      <div>
        <p>
          <strong>{expired ? `${title} Your session has ended.` : title}</strong>
        </p>
        {expired ? (
          <p>
            <SignIn />, then come back and try again. Nothing on this page is lost.
          </p>
        ) : (
          error.issues.length === 0 && <p>{error.message}</p>
        )}
        {error.issues.length > 0 && issues.length === 0 && <p>See the messages beside the fields.</p>}
        {issues.length > 0 && (
          <ul>
            {issues.map(({ path, message }) => (
              <li key={path + message}>{path === '' ? message : `${path}: ${message}`}</li>
            ))}
          </ul>
        )}
        {onRetry && <Button onClick={onRetry}>Try again</Button>}
      </div>
    </div>
  );
}

/** The error of a failed read, which can be repeated. */
export function LoadError({
  title,
  of,
}: {
  readonly title: string;
  readonly of: Pick<Loaded<unknown>, 'error' | 'reload'>;
}) {
  return of.error && <ErrorNotice title={title} error={of.error} onRetry={of.reload} />;
}
