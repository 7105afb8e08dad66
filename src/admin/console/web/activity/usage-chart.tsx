import { scaleBand, scaleLinear } from 'd3-scale';
import { useState } from 'preact/hooks';
import type { Usage } from '../api/types';
import { count, counted } from '../format';
import { When } from '../ui/relative-time';

const WIDTH = 720;
const HEIGHT = 180;
const LEFT = 44;
const RIGHT = 12;
const BOTTOM = 22;
const LABELLED_EACH = 5;

const dayAndMonth = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', timeZone: 'UTC' });

function dayLabel(date: string): string {
  return dayAndMonth.format(new Date(`${date}T00:00:00Z`));
}

function Bars({ usage, onPoint }: { readonly usage: Usage; onPoint(date: string | null): void }) {
  const { days } = usage;
  const most = Math.max(4, ...days.map(({ allowed, denied }) => allowed + denied));
  const x = scaleBand(
    days.map(({ date }) => date),
    [LEFT, WIDTH - RIGHT],
  ).padding(0.25);
  const y = scaleLinear([0, most], [HEIGHT - BOTTOM, 8]).nice(4);
  const base = y(0);
  return (
    <svg class="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      {y
        .ticks(4)
        .filter(Number.isInteger)
        .map((tick) => (
          <g key={tick}>
            <line x1={LEFT} x2={WIDTH} y1={y(tick)} y2={y(tick)} />
            <text class="tick-y" x={LEFT - 8} y={y(tick)}>
              {count(tick)}
            </text>
          </g>
        ))}
      {days.map(({ date, allowed, denied }, index) => {
        const left = x(date) ?? 0;
        const fromEnd = days.length - 1 - index;
        return (
          <g key={date} onPointerEnter={() => onPoint(date)} onPointerLeave={() => onPoint(null)}>
            <rect class="hit" x={left - x.step() * 0.125} y={0} width={x.step()} height={HEIGHT} />
            <rect class="allowed" x={left} y={y(allowed)} width={x.bandwidth()} height={base - y(allowed)} />
            <rect
              class="denied"
              x={left}
              y={y(allowed + denied)}
              width={x.bandwidth()}
              height={y(allowed) - y(allowed + denied)}
            />
            {fromEnd % LABELLED_EACH === 0 && (
              <text class="tick-x" x={left + x.bandwidth() / 2} y={HEIGHT - 6}>
                {dayLabel(date)}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}

function reasonsIn(usage: Usage): [string, number][] {
  const sums = new Map<string, number>();
  for (const { reasons } of usage.days) {
    for (const [code, n] of Object.entries(reasons)) sums.set(code, (sums.get(code) ?? 0) + n);
  }
  return [...sums].sort(([, one], [, other]) => other - one);
}

/** How a key was used in the last 30 days: as bars, and as numbers. */
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
              , last used <When time={usage.lastUsedAt} />.
            </>
          )}
        </p>
        <p class="legend">
          <span class="allowed">{count(day?.allowed ?? allowed)} let in</span>
          <span class="denied">{count(day?.denied ?? denied)} refused</span>
          <span class="muted">{day ? `on ${dayLabel(day.date)}` : 'in all'}</span>
        </p>
      </figcaption>
      <Bars usage={usage} onPoint={setPointed} />
      {reasons.length > 0 && (
        <p class="hint">
          Refused because of{' '}
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
        <summary>As a table</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Day (UTC)</th>
              <th scope="col">Let in</th>
              <th scope="col">Refused</th>
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
