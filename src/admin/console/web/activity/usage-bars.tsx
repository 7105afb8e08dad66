import { scaleBand, scaleLinear } from 'd3-scale';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Usage } from '../api/types';
import { count } from '../format';

/** In pixels. The chart is drawn at its width on the page, so that its text has the size of the style sheet. */
const HEIGHT = 190;
const LEFT = 44;
const RIGHT = 12;
const BOTTOM = 24;
const LABEL_WIDTH = 64;

const dayAndMonth = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** A day of the usage, such as "29 Nov". Days are in UTC. */
export function dayLabel(date: string): string {
  return dayAndMonth.format(new Date(`${date}T00:00:00Z`));
}

/** The width of an element, also after it changes. 0 until it is measured. */
function useWidth() {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { ref, width };
}

export interface UsageBarsProps {
  readonly usage: Usage;
  /** Called with the day under the pointer. */
  onPoint(date: string | null): void;
}

function Bars({ usage, onPoint, width }: UsageBarsProps & { readonly width: number }) {
  const { days } = usage;
  const maximum = Math.max(4, ...days.map(({ allowed, denied }) => allowed + denied));
  const x = scaleBand(
    days.map(({ date }) => date),
    [LEFT, width - RIGHT],
  ).padding(days.length > 40 ? 0.15 : 0.25);
  const y = scaleLinear([0, maximum], [HEIGHT - BOTTOM, 8]).nice(4);
  const base = y(0);
  const labelEach = Math.max(1, Math.ceil(LABEL_WIDTH / x.step()));
  return (
    <svg class="chart" width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} aria-hidden="true">
      {y
        .ticks(4)
        .filter(Number.isInteger)
        .map((tick) => (
          <g key={tick}>
            <line x1={LEFT} x2={width} y1={y(tick)} y2={y(tick)} />
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
            <rect class="hit" x={left - (x.step() - x.bandwidth()) / 2} y={0} width={x.step()} height={HEIGHT} />
            <rect class="allowed" x={left} y={y(allowed)} width={x.bandwidth()} height={base - y(allowed)} />
            <rect
              class="denied"
              x={left}
              y={y(allowed + denied)}
              width={x.bandwidth()}
              height={y(allowed) - y(allowed + denied)}
            />
            {fromEnd % labelEach === 0 && (
              <text class="tick-x" x={Math.min(left + x.bandwidth() / 2, width - LABEL_WIDTH / 2)} y={HEIGHT - 6}>
                {dayLabel(date)}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}

/** Requests by day, as bars. */
export function UsageBars(props: UsageBarsProps) {
  const { ref, width } = useWidth();
  return (
    <div class="chart-box" ref={ref}>
      {width > 0 && <Bars {...props} width={width} />}
    </div>
  );
}
