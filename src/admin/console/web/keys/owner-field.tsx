import type { Key } from '../api/types';
import { TextField } from '../ui/field';

export type OwnerKind = NonNullable<Key['owner']>['kind'];

export interface OwnerFieldProps {
  /** Prefix of ids in the page. */
  readonly id: string;
  readonly kind: OwnerKind;
  readonly ownerId: string;
  readonly error: string | undefined;
  onKind(kind: OwnerKind): void;
  onId(ownerId: string): void;
}

/** The kind of an owner, and the id of it. */
export function OwnerField({ id, kind, ownerId, error, onKind, onId }: OwnerFieldProps) {
  return (
    <div class="owner">
      <div class="field">
        <label for={`${id}-ownerKind`}>Owner is a</label>
        <select
          id={`${id}-ownerKind`}
          value={kind}
          onChange={(event) => onKind(event.currentTarget.value as OwnerKind)}
        >
          <option value="user">User</option>
          <option value="service">Service</option>
        </select>
      </div>
      <TextField id={`${id}-owner`} label="Id of the owner" value={ownerId} error={error} onInput={onId} />
    </div>
  );
}
