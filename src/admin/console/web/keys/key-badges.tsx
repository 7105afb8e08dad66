import type { Key } from '../api/types';
import { expiryOf } from '../format';

/** States of a key other than active. */
export function KeyBadges({ item }: { readonly item: Key }) {
  return (
    <>
      {expiryOf(item) === 'past' && <span class="badge danger">Expired</span>}
      {item.disabled && <span class="badge warning">Disabled</span>}
      {item.rotatedTo !== null && <span class="badge">Rotated</span>}
    </>
  );
}
