import type { ReadReports } from '../../usage/report-service';
import { defineOperation, type Operation } from '../operation';
import { reportSummarySchema, reportsQuerySchema } from '../report-schemas';

export function createReportOperations(reports: ReadReports): Operation[] {
  return [
    defineOperation({
      method: 'GET',
      path: '/reports',
      operationId: 'listReports',
      summary: "Count what `mode: 'report'` has reported, by kind",
      query: reportsQuerySchema,
      response: { status: 200, description: 'The counts, most frequent first.', schema: reportSummarySchema },
      async handle({ operator: { workspaceId }, query }) {
        return { status: 200, body: await reports({ ...query, workspaceId }) };
      },
    }),
  ];
}
