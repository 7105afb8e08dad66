import type { Failure } from '../api/api-error';
import { Button } from './button';
import { Icon } from './icon';

export interface FailureNoteProps {
  /** What did not happen: "The key was not created." */
  readonly what: string;
  readonly failure: Failure;
  readonly signInUrl: string | null;
  /** Paths of issues that are told elsewhere, beside the field they are about. */
  readonly told?: readonly string[];
  onRetry?(): void;
}

function SignIn({ url }: { readonly url: string | null }) {
  if (url === null) return <>Sign in to the application again in another tab</>;
  return (
    <a href={url} target="_blank" rel="noopener">
      Sign in again in another tab
    </a>
  );
}

/** What happened, and what to do. */
export function FailureNote({ what, failure, signInUrl, told = [], onRetry }: FailureNoteProps) {
  const expired = failure.code === 'unauthenticated';
  const issues = failure.issues.filter(
    ({ path }) => !told.some((name) => path === name || path.startsWith(`${name}.`)),
  );
  return (
    <div class="note danger" role="alert">
      <Icon name={expired ? 'lock' : 'warning'} />
      <div>
        <p>
          <strong>{expired ? `${what} Your session has ended.` : what}</strong>
        </p>
        {expired ? (
          <p>
            <SignIn url={signInUrl} />, then come back and try again. Everything on this page stays as it is.
          </p>
        ) : (
          failure.issues.length === 0 && <p>{failure.message}</p>
        )}
        {failure.issues.length > 0 && issues.length === 0 && <p>See what is said beside the fields.</p>}
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
