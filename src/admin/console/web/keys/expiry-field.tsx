import { DAY, exactly } from '../format';
import { FieldError, Group } from '../ui/field';

/** When a key is to end: after so many days, or at the end of a day. */
export type ExpiryChoice = { readonly days: number } | { readonly date: string };

const PRESETS = [7, 30, 90, 365] as const;

/** What can be chosen besides a date: the usual, and what the app takes by itself. */
export function presetsFor(defaultLifetime: number): number[] {
  const usual = defaultLifetime / DAY;
  return Number.isInteger(usual) && usual > 0 ? [...new Set([...PRESETS, usual])].sort((a, b) => a - b) : [...PRESETS];
}

export function initialExpiry(defaultLifetime: number): ExpiryChoice {
  const usual = defaultLifetime / DAY;
  return { days: Number.isInteger(usual) && usual > 0 ? usual : 90 };
}

/** The last moment of a day where the one who chooses is; null where it is no day. */
function endOfDay(date: string): Date | null {
  const end = new Date(`${date}T23:59:59`);
  return Number.isNaN(end.getTime()) ? null : end;
}

/** As the request has it. */
export function expiryBody(choice: ExpiryChoice): { expiresIn: string } | { expiresAt: string } {
  if ('days' in choice) return { expiresIn: `${choice.days}d` };
  return { expiresAt: endOfDay(choice.date)?.toISOString() ?? '' };
}

export function expiryError(choice: ExpiryChoice): string | undefined {
  if ('days' in choice) return undefined;
  const end = endOfDay(choice.date);
  if (end === null) return 'Choose a date.';
  return end.getTime() <= Date.now() ? 'Choose a date that is not over yet.' : undefined;
}

function label(days: number): string {
  if (days === 365) return '1 year';
  return days === 1 ? '1 day' : `${days} days`;
}

function today(): string {
  const now = new Date();
  return `${now.getFullYear()}-${String(now.getMonth() + 1).padStart(2, '0')}-${String(now.getDate()).padStart(2, '0')}`;
}

export interface ExpiryFieldProps {
  readonly id: string;
  readonly choice: ExpiryChoice;
  readonly presets: readonly number[];
  readonly error: string | undefined;
  onChange(choice: ExpiryChoice): void;
}

export function ExpiryField({ id, choice, presets, error, onChange }: ExpiryFieldProps) {
  const end = 'days' in choice ? new Date(Date.now() + choice.days * DAY) : endOfDay(choice.date);
  return (
    <Group legend="Expiry" id={id} error={undefined} hint="An expired key is refused at once.">
      <div class="segments">
        {presets.map((days) => (
          <label key={days}>
            <input
              type="radio"
              name={id}
              checked={'days' in choice && choice.days === days}
              onChange={() => onChange({ days })}
            />
            <span>{label(days)}</span>
          </label>
        ))}
        <label>
          <input type="radio" name={id} checked={'date' in choice} onChange={() => onChange({ date: '' })} />
          <span>On a date</span>
        </label>
      </div>
      {'date' in choice && (
        <input
          type="date"
          aria-label="Last day"
          min={today()}
          value={choice.date}
          aria-invalid={error === undefined ? undefined : 'true'}
          aria-describedby={error === undefined ? undefined : `${id}-error`}
          onInput={(event) => onChange({ date: event.currentTarget.value })}
        />
      )}
      {end && <p class="hint">Ends {exactly(end.toISOString())}.</p>}
      <FieldError id={`${id}-error`} text={error} />
    </Group>
  );
}
