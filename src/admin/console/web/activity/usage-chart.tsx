import { useState } from 'preact/hooks';
import type { Usage } from '../api/types';
import { count, counted } from '../format';
import { RelativeTime } from '../ui/relative-time';
import { dayLabel, UsageBars } from './usage-bars';

/** Denials by error code, most frequent first. */
function reasonsIn(usage: Usage): [string, number][] {
  const sums = new Map<string, number>();
  for (const { reasons } of usage.days) {
    for (const [code, n] of Object.entries(reasons)) sums.set(code, (sums.get(code) ?? 0) + n);
  }
  return [...sums].sort(([, one], [, other]) => other - one);
}

/** Usage of a key, as a chart and as a table. */
export function UsageChart({ usage }: { readonly usage: Usage }) {
  const [pointed, setPointed] = useState<string | null>(null);
  const allowed = usage.days.reduce((sum, each) => sum + each.allowed, 0);
  const denied = usage.days.reduce((sum, each) => sum + each.denied, 0);
  const day = usage.days.find(({ date }) => date === pointed);
  const reasons = reasonsIn(usage);
  return (
    <figure class="usage">
      <figcaption>
        <p>
          <strong>{counted(allowed + denied, 'request')}</strong> in the last {usage.days.length} days
          {usage.lastUsedAt === null ? (
            ', never used.'
          ) : (
            <>
              , last used <RelativeTime time={usage.lastUsedAt} />.
            </>
          )}
        </p>
        <p class="legend">
          <span class="allowed">{count(day?.allowed ?? allowed)} allowed</span>
          <span class="denied">{count(day?.denied ?? denied)} denied</span>
          <span class="muted">{day ? `on ${dayLabel(day.date)} (UTC)` : 'in total'}</span>
        </p>
      </figcaption>
      <UsageBars usage={usage} onPoint={setPointed} />
      <p class="hint">Days are in UTC.</p>
      {reasons.length > 0 && (
        <p class="hint">
          Denied because of{' '}
          {reasons.map(([code, n], index) => (
            <span key={code}>
              {index > 0 && ', '}
              <code>{code}</code> ({count(n)})
            </span>
          ))}
          .
        </p>
      )}
      <details class="numbers">
        <summary>Show as a table</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Day (UTC)</th>
              <th scope="col">Allowed</th>
              <th scope="col">Denied</th>
            </tr>
          </thead>
          <tbody>
            {usage.days.toReversed().map((each) => (
              <tr key={each.date}>
                <th scope="row">{dayLabel(each.date)}</th>
                <td>{count(each.allowed)}</td>
                <td>{count(each.denied)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}
