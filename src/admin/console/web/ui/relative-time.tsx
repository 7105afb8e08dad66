import { exactTime, relativeTime } from '../format';

/** A relative time such as "16 days ago", with the exact time as its title. */
export function RelativeTime({ time }: { readonly time: string }) {
  return (
    <time dateTime={time} title={exactTime(time)}>
      {relativeTime(time)}
    </time>
  );
}
