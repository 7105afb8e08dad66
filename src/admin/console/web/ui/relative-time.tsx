import { exactly, relatively } from '../format';

/** "16 days ago", and exactly when on hover. */
export function When({ time }: { readonly time: string }) {
  return (
    <time dateTime={time} title={exactly(time)}>
      {relatively(time)}
    </time>
  );
}
