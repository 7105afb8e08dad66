import * as calls from '../api/calls';
import type { Report, ReportSummary } from '../api/types';
import { count, counted, dateOf } from '../format';
import { changeParams, hrefOf, type Params } from '../page-route';
import { LoadError } from '../ui/error-notice';
import { Icon } from '../ui/icon';
import { PageHead } from '../ui/page-head';
import { Skeleton } from '../ui/skeleton';
import { useLoad } from '../use-load';

const RANGES = [1, 7, 14] as const;

const SECTIONS: readonly { kind: Report['kind']; title: string; lead: string }[] = [
  { kind: 'denied', title: 'Would be denied', lead: 'Requests that were answered, and that requireApiKey would deny.' },
  {
    kind: 'difference',
    title: 'Decided otherwise',
    lead: 'Requests about which your own check and keyscope disagree.',
  },
  { kind: 'redacted', title: 'Would be redacted', lead: 'Responses that redactResponse would change or not send.' },
];

function reasonOf({ kind, code, reason, comparedAllowed, withheld, rejection }: Report): string {
  if (kind === 'redacted') return rejection ?? `Without ${withheld.join(' and ')}`;
  const denial = reason === null || reason === code ? code : `${code} (${reason})`;
  if (kind === 'denied') return denial ?? '';
  return comparedAllowed
    ? `Your check allowed it, keyscope denies it: ${denial}`
    : 'Your check denied it, keyscope allows it';
}

function Section({ kind, title, lead, reports }: (typeof SECTIONS)[number] & { readonly reports: readonly Report[] }) {
  const own = reports.filter((report) => report.kind === kind);
  if (own.length === 0) return null;
  const sum = own.reduce((total, report) => total + report.count, 0);
  return (
    <section>
      <h2 class="section">
        {title} <span class="badge">{count(sum)}</span>
      </h2>
      <p class="hint">{lead}</p>
      <table class="reports">
        <thead>
          <tr>
            <th scope="col" class="report-count">
              Count
            </th>
            <th scope="col">Reason</th>
            <th scope="col" class="report-route">
              Route
            </th>
            <th scope="col" class="report-key">
              Key
            </th>
            <th scope="col" class="report-last">
              Last
            </th>
          </tr>
        </thead>
        <tbody>
          {own.map((report) => (
            <tr key={JSON.stringify(report)}>
              <td data-label="Count">{count(report.count)}</td>
              <th scope="row">{reasonOf(report)}</th>
              <td data-label="Route">
                <code>{[report.method, report.route].filter((part) => part !== null).join(' ') || 'Not known'}</code>
              </td>
              <td data-label="Key">
                {report.keyId === null ? (
                  <span class="muted">No key</span>
                ) : (
                  <a href={hrefOf('key', { key: report.keyId })}>
                    <code>{report.keyId}</code>
                  </a>
                )}
              </td>
              <td data-label="Last" class="muted">
                {dateOf(report.lastDate)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Summary({ summary: { total, other, reports } }: { readonly summary: ReportSummary }) {
  if (total === 0) {
    return (
      <div class="empty">
        <Icon name="check" />
        <p>Nothing was reported: keyscope would have changed no response.</p>
      </div>
    );
  }
  return (
    <>
      <p class="muted" role="status">
        {counted(total, 'report')}
        {other > 0 && `, ${count(other)} of kinds that are not listed`}
      </p>
      {SECTIONS.map((section) => (
        <Section key={section.kind} {...section} reports={reports} />
      ))}
    </>
  );
}

/** Counts of requests that routes in report mode would have denied, and of responses that they would have changed. */
export function ReportsPage({ params }: { readonly params: Params }) {
  const days = RANGES.find((range) => String(range) === params.days) ?? 7;
  const summary = useLoad(String(days), (signal) => calls.getReports(days, signal));
  return (
    <main>
      <PageHead
        title="Reports"
        lead="Requests that routes with mode: 'report' would have denied, and fields that they would have removed."
      />
      <div class="toolbar">
        <label class="sort">
          <span>Days</span>
          <select
            value={String(days)}
            onChange={(event) => changeParams('reports', { days: event.currentTarget.value })}
          >
            {RANGES.map((range) => (
              <option key={range} value={String(range)}>
                {range === 1 ? 'Today' : `${range} days`}
              </option>
            ))}
          </select>
        </label>
      </div>
      <LoadError title="The reports could not be read." of={summary} />
      {!summary.data && summary.loading && <Skeleton label="Loading reports" lines={6} />}
      {summary.data && <Summary summary={summary.data} />}
    </main>
  );
}
