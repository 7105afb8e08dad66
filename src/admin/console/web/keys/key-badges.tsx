import type { Key } from '../api/types';
import { exactTime, expiryOf } from '../format';

/** States of a key other than active. */
export function KeyBadges({ item }: { readonly item: Key }) {
  // Undefined if the server is older than this page.
  const exposure = item.exposure ?? null;
  return (
    <>
      {exposure && (
        <span class="badge danger" title={`Reported by ${exposure.source}, ${exactTime(exposure.at)}`}>
          Leaked
        </span>
      )}
      {exposure?.policy === 'revoke' ? (
        <span class="badge danger">Revoked</span>
      ) : (
        expiryOf(item) === 'past' && <span class="badge danger">Expired</span>
      )}
      {item.disabled && <span class="badge warning">Disabled</span>}
      {item.rotatedTo !== null && <span class="badge">Rotated</span>}
    </>
  );
}
