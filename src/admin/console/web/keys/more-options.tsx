import type { ApiError } from '../api/api-error';
import type { KeyColumns } from '../api/calls';
import type { Key } from '../api/types';
import { TextArea, TextField } from '../ui/field';
import { fieldError } from './field-errors';
import { parseRateLimits, rateLimitText } from './rate-limit-text';

/** The optional columns of a key, as they are typed. */
export interface ColumnsDraft {
  /** One entry a line. */
  readonly allowedIps: string;
  /** `1000/1m, 50000/1d`. */
  readonly rateLimit: string;
}

export const NO_COLUMNS: ColumnsDraft = { allowedIps: '', rateLimit: '' };

/** Names of the columns in requests. */
export const COLUMN_FIELDS = ['allowedIps', 'rateLimit'];

const linesOf = (text: string) =>
  text
    .split(/[\n,]/)
    .map((line) => line.trim())
    .filter((line) => line !== '');

export function draftOf({ allowedIps, rateLimit }: Key): ColumnsDraft {
  return { allowedIps: allowedIps.join('\n'), rateLimit: rateLimitText(rateLimit) };
}

function columnsOf({ allowedIps, rateLimit }: ColumnsDraft): Required<KeyColumns> {
  return { allowedIps: linesOf(allowedIps), rateLimit: parseRateLimits(rateLimit) };
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

/** The optional columns. Open if one of them has a value or an issue. */
export function MoreOptions({ id, draft, error, onChange }: MoreOptionsProps) {
  const isUsed = Object.values(draft).some((text) => text !== '');
  const hasIssue = COLUMN_FIELDS.some((name) => fieldError(error, name) !== undefined);
  return (
    <details class="more" open={isUsed || hasIssue}>
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
    </details>
  );
}
