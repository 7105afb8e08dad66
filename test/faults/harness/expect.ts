import { failuresOf, type Report, summarize, wasUndisturbed } from './report';

/** Fails with the summary of the trial if it found a violation. */
export function expectNoViolation(report: Report): void {
  const faults = failuresOf(report);
  if (faults.length > 0) throw new Error(`The trial found a violation.\n${summarize(report)}`);
  // If there are too few requests or changes, a trial proves nothing.
  expect(report.changeCounts.acknowledged).toBeGreaterThan(10);
  expect(report.requests).toBeGreaterThan(300);
  expect(report.counts['200']).toBeGreaterThan(100);
  expect(report.streams.ended).toBeGreaterThan(5);
  if (wasUndisturbed(report)) expect(report.overRedacted).toBeLessThan(report.counts['200']! / 20);
}
