import { counted, DAY, exactTime } from '../format';
import { FieldError, Group } from '../ui/field';

/** When a key expires: after a lifetime in milliseconds, at the end of a day, or never. */
export type ExpiryChoice = { readonly lifetime: number } | { readonly date: string } | 'never';

const PRESETS = [7, 30, 90, 365].map((days) => days * DAY);

/** The usual lifetimes, and the app's default. */
export function presetsFor(defaultLifetime: number): number[] {
  return [...new Set([...PRESETS, defaultLifetime])].sort((a, b) => a - b);
}

/** The last second of a day in the browser's time zone, or null if it is no day. */
function endOfDay(date: string): Date | null {
  const end = new Date(`${date}T23:59:59`);
  return Number.isNaN(end.getTime()) ? null : end;
}

/** The fields of the request. */
export function expiryBody(choice: ExpiryChoice): { expiresIn: string | number } | { expiresAt: string | null } {
  if (choice === 'never') return { expiresAt: null };
  if ('date' in choice) return { expiresAt: endOfDay(choice.date)?.toISOString() ?? '' };
  const { lifetime } = choice;
  return { expiresIn: lifetime % DAY === 0 ? `${lifetime / DAY}d` : lifetime };
}

export function expiryError(choice: ExpiryChoice): string | undefined {
  if (choice === 'never' || 'lifetime' in choice) return undefined;
  const end = endOfDay(choice.date);
  if (end === null) return 'Choose a date.';
  return end.getTime() <= Date.now() ? 'Choose a date in the future.' : undefined;
}

const UNITS = [
  [DAY, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1000, 'second'],
] as const;

/** Such as "1 year", "36 hours" or "90 minutes": in the largest unit that is exact. */
function lifetimeText(lifetime: number): string {
  if (lifetime === 365 * DAY) return '1 year';
  const [unit, noun] = UNITS.find(([size]) => lifetime % size === 0) ?? UNITS[3];
  return counted(lifetime / unit, noun);
}

function today(): string {
  const now = new Date();
  return `${now.getFullYear()}-${String(now.getMonth() + 1).padStart(2, '0')}-${String(now.getDate()).padStart(2, '0')}`;
}

/** A sentence about the choice. Empty while no day is chosen. */
function choiceText(choice: ExpiryChoice): string {
  if (choice === 'never') return 'The key works until someone disables or deletes it.';
  const end = 'lifetime' in choice ? new Date(Date.now() + choice.lifetime) : endOfDay(choice.date);
  return end === null ? '' : `The key works until ${exactTime(end.toISOString())}.`;
}

export interface ExpiryFieldProps {
  readonly id: string;
  readonly choice: ExpiryChoice;
  readonly presets: readonly number[];
  /** Whether the app allows keys that never expire. */
  readonly allowsNever: boolean;
  readonly error: string | undefined;
  onChange(choice: ExpiryChoice): void;
}

export function ExpiryField({ id, choice, presets, allowsNever, error, onChange }: ExpiryFieldProps) {
  const text = choiceText(choice);
  const lifetime = choice !== 'never' && 'lifetime' in choice ? choice.lifetime : null;
  const date = choice !== 'never' && 'date' in choice ? choice.date : null;
  return (
    <Group legend="Expiry" id={id} error={undefined}>
      <div class="segments">
        {presets.map((preset) => (
          <label key={preset}>
            <input
              type="radio"
              name={id}
              checked={preset === lifetime}
              onChange={() => onChange({ lifetime: preset })}
            />
            <span>{lifetimeText(preset)}</span>
          </label>
        ))}
        <label>
          <input type="radio" name={id} checked={date !== null} onChange={() => onChange({ date: '' })} />
          <span>On a date</span>
        </label>
        {allowsNever && (
          <label>
            <input type="radio" name={id} checked={choice === 'never'} onChange={() => onChange('never')} />
            <span>Never</span>
          </label>
        )}
      </div>
      {date !== null && (
        <input
          type="date"
          aria-label="Last day"
          min={today()}
          value={date}
          aria-invalid={error === undefined ? undefined : 'true'}
          aria-describedby={error === undefined ? undefined : `${id}-error`}
          onInput={(event) => onChange({ date: event.currentTarget.value })}
        />
      )}
      {text !== '' && (
        // A key, so that the paragraph is replaced: a translated one has no text node to update.
        <p class="hint" key={text}>
          {text}
        </p>
      )}
      <FieldError id={`${id}-error`} text={error} />
    </Group>
  );
}
