import type { Key } from '../api/types';
import { expiryOf } from '../format';

/** What is the matter with a key, if anything. */
export function KeyBadges({ item }: { readonly item: Key }) {
  const expiry = expiryOf(item);
  return (
    <>
      {expiry === 'past' && <span class="badge danger">Expired</span>}
      {expiry === 'soon' && <span class="badge warning">Expires soon</span>}
      {item.disabled && <span class="badge danger">Disabled</span>}
      {item.rotatedTo !== null && <span class="badge">Rotated</span>}
    </>
  );
}
