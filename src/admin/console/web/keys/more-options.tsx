import { useState } from 'preact/hooks';
import type { ApiError } from '../api/api-error';
import type { KeyColumns } from '../api/calls';
import type { Key } from '../api/types';
import { TextArea, TextField } from '../ui/field';
import { fieldError } from './field-errors';
import { OwnerField } from './owner-field';
import { parseRateLimits, rateLimitText } from './rate-limit-text';

/** The optional columns of a key, as they are typed. */
export interface ColumnsDraft {
  /** One entry a line. */
  readonly allowedIps: string;
  /** `1000/1m, 50000/1d`. */
  readonly rateLimit: string;
  readonly ownerKind: 'user' | 'service';
  /** Empty: no owner. */
  readonly ownerId: string;
  readonly contact: string;
  /** `name=value`, one pair a line. */
  readonly metadata: string;
}

export const NO_COLUMNS: ColumnsDraft = {
  allowedIps: '',
  rateLimit: '',
  ownerKind: 'user',
  ownerId: '',
  contact: '',
  metadata: '',
};

/** Names of the columns in requests. */
export const COLUMN_FIELDS = ['allowedIps', 'rateLimit', 'owner', 'contact', 'metadata'];

function linesOf(text: string, separator: RegExp | string): string[] {
  return text
    .split(separator)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** A line without `=` has an empty value, which the server rejects with a message. */
function pairsOf(text: string): Record<string, string> {
  const pairs = linesOf(text, '\n').map((line) => {
    const [name = '', ...rest] = line.split('=');
    return [name.trim(), rest.join('=').trim()];
  });
  return Object.fromEntries(pairs);
}

export function draftOf({ allowedIps, rateLimit, owner, contact, metadata }: Key): ColumnsDraft {
  return {
    allowedIps: allowedIps.join('\n'),
    rateLimit: rateLimitText(rateLimit),
    ownerKind: owner?.kind ?? 'user',
    ownerId: owner?.id ?? '',
    contact: contact ?? '',
    metadata: Object.entries(metadata)
      .map(([name, value]) => `${name}=${value}`)
      .join('\n'),
  };
}

function columnsOf(draft: ColumnsDraft): Required<KeyColumns> {
  const { allowedIps, rateLimit, ownerKind, ownerId, contact, metadata } = draft;
  return {
    allowedIps: linesOf(allowedIps, /[\n,]/),
    rateLimit: parseRateLimits(rateLimit),
    owner: ownerId.trim() === '' ? null : { kind: ownerKind, id: ownerId.trim() },
    contact: contact.trim() === '' ? null : contact.trim(),
    metadata: pairsOf(metadata),
  };
}

/** The columns that differ between two drafts, for a request. */
export function changedColumns(draft: ColumnsDraft, base: ColumnsDraft): KeyColumns {
  const [now, before] = [columnsOf(draft), columnsOf(base)];
  const names = Object.keys(now) as (keyof KeyColumns)[];
  const changed = names.filter((name) => JSON.stringify(now[name]) !== JSON.stringify(before[name]));
  return Object.fromEntries(changed.map((name) => [name, now[name]]));
}

export interface MoreOptionsProps {
  /** Prefix of ids in the page. */
  readonly id: string;
  readonly draft: ColumnsDraft;
  readonly error: ApiError | null;
  onChange(part: Partial<ColumnsDraft>): void;
}

/** The optional columns. Open at first if the key has one, and if one has an issue. */
export function MoreOptions({ id, draft, error, onChange }: MoreOptionsProps) {
  const [opened, setOpened] = useState(
    () => JSON.stringify({ ...draft, ownerKind: 'user' }) !== JSON.stringify(NO_COLUMNS),
  );
  const hasIssue = COLUMN_FIELDS.some((name) => fieldError(error, name) !== undefined);
  return (
    <details class="more" open={opened || hasIssue} onToggle={(event) => setOpened(event.currentTarget.open)}>
      <summary>More options</summary>
      <TextArea
        id={`${id}-allowedIps`}
        label="Allowed addresses"
        hint="One IP address or block such as 203.0.113.0/24 a line. Empty: any address."
        value={draft.allowedIps}
        error={fieldError(error, 'allowedIps')}
        onInput={(allowedIps) => onChange({ allowedIps })}
      />
      <TextField
        id={`${id}-rateLimit`}
        label="Rate limits"
        hint="Requests per window, such as “1000/1m” or “50/1s, 100000/1d”. Empty: the app’s defaults. “none”: no limit."
        value={draft.rateLimit}
        error={fieldError(error, 'rateLimit')}
        onInput={(rateLimit) => onChange({ rateLimit })}
      />
      <OwnerField
        id={id}
        kind={draft.ownerKind}
        ownerId={draft.ownerId}
        error={fieldError(error, 'owner')}
        onKind={(ownerKind) => onChange({ ownerKind })}
        onId={(ownerId) => onChange({ ownerId })}
      />
      <TextField
        id={`${id}-contact`}
        label="Contact"
        hint="E-mail address for warnings about the key."
        value={draft.contact}
        error={fieldError(error, 'contact')}
        onInput={(contact) => onChange({ contact })}
      />
      <TextArea
        id={`${id}-metadata`}
        label="Metadata"
        hint="One name=value a line, such as team=billing. Not for secrets."
        value={draft.metadata}
        error={fieldError(error, 'metadata')}
        onInput={(metadata) => onChange({ metadata })}
      />
    </details>
  );
}
