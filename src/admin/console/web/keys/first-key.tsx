import { useApp } from '../context';
import { Button } from '../ui/button';
import { Icon } from '../ui/icon';
import { curlLine, tokenPlace } from './token-text';

/** The content of the page if the workspace has no keys. */
export function FirstKey({ onCreate }: { onCreate(): void }) {
  const { session } = useApp();
  return (
    <div class="empty first">
      <Icon name="key" />
      <h2>No keys yet</h2>
      <p>A key lets a program call your API. The program sends its token {tokenPlace(session.tokenExample)}:</p>
      <pre>{curlLine(session.exampleUrl, session.tokenExample, 'YOUR_TOKEN')}</pre>
      {!session.readOnly && (
        <Button kind="primary" icon="plus" onClick={onCreate}>
          Create the first key
        </Button>
      )}
    </div>
  );
}
