import { faultsOf, type Report, summarize, wasCalm } from './report';

/** Shows the whole summary where a round went wrong; otherwise nothing. */
export function expectKept(report: Report): void {
  const faults = faultsOf(report);
  if (faults.length > 0) throw new Error(`The promise was broken.\n${summarize(report)}`);
  // Otherwise it proves nothing.
  expect(report.deeds.acknowledged).toBeGreaterThan(10);
  expect(report.requests).toBeGreaterThan(300);
  expect(report.counts['200']).toBeGreaterThan(100);
  if (wasCalm(report)) expect(report.withheld).toBeLessThan(report.counts['200']! / 20);
}
