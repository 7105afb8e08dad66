import type { Usage } from '../api/types';
import { count } from '../format';

const HEIGHT = 22;
const STEP = 4;

/** The requests of the last 30 days as a small chart. */
export function Sparkline({ usage }: { readonly usage: Usage }) {
  const totals = usage.days.map(({ allowed, denied }) => ({ allowed, denied }));
  const maximum = Math.max(1, ...totals.map(({ allowed, denied }) => allowed + denied));
  const sum = totals.reduce((all, { allowed, denied }) => all + allowed + denied, 0);
  const height = (n: number) => (n === 0 ? 0 : Math.max(1.5, (n / maximum) * HEIGHT));
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${totals.length * STEP} ${HEIGHT}`}
      role="img"
      aria-label={`${count(sum)} requests in ${totals.length} days`}
    >
      <title>{`${count(sum)} requests in ${totals.length} days`}</title>
      {totals.map(({ allowed, denied }, index) => {
        const whole = height(allowed + denied);
        const deniedHeight = denied === 0 ? 0 : Math.max(1.5, whole * (denied / (allowed + denied)));
        const date = usage.days[index]?.date ?? index;
        return (
          <g key={date}>
            <rect class="base" x={index * STEP} y={HEIGHT - 1} width={STEP - 1} height={1} />
            <rect class="allowed" x={index * STEP} y={HEIGHT - whole} width={STEP - 1} height={whole - deniedHeight} />
            <rect class="denied" x={index * STEP} y={HEIGHT - deniedHeight} width={STEP - 1} height={deniedHeight} />
          </g>
        );
      })}
    </svg>
  );
}
