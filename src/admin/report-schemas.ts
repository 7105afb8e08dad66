import { z } from 'zod';
import { reportsInputSchema } from '../usage/report-service';

const count = z.int().min(0);

export const reportSummarySchema = z
  .object({
    since: z.iso.date().meta({ description: 'The first day, in UTC.' }),
    total: count.meta({ description: 'Number of all reports.' }),
    other: count.meta({ description: 'Those that are in no entry, because there were too many kinds.' }),
    reports: z.array(
      z.object({
        kind: z.enum(['denied', 'difference', 'redacted']),
        method: z.string().nullable(),
        route: z.string().nullable().meta({ description: 'The path that the route was declared with.' }),
        keyId: z.string().nullable(),
        code: z.string().nullable().meta({ description: 'Of the denial. Null: the request would have been allowed.' }),
        reason: z.string().nullable(),
        comparedAllowed: z
          .boolean()
          .nullable()
          .meta({ description: 'Of a difference: whether the other check allowed the request.' }),
        withheld: z.array(z.string()).meta({ description: 'Features whose fields would have been removed.' }),
        rejection: z.string().nullable().meta({ description: 'Why the body could not have been sent.' }),
        count,
        lastDate: z.iso.date().meta({ description: 'The last day with one, in UTC.' }),
      }),
    ),
  })
  .meta({
    description:
      "Reports of routes with `mode: 'report'`, counted by kind. Requests without a key are in the workspace `default`.",
  });

export const reportsQuerySchema = reportsInputSchema.omit({ workspaceId: true });

/** With their names in the OpenAPI document. */
export const REPORT_SCHEMAS: readonly (readonly [z.ZodType, string])[] = [[reportSummarySchema, 'ReportSummary']];

export type WireReport = z.infer<typeof reportSummarySchema>['reports'][number];
