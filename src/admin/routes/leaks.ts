import type { LeakInput, LeakService } from '../../leaks/service';
import { leakBodySchema, leakReportSchema } from '../leak-schemas';
import { defineOperation, type Operation } from '../operation';

export function createLeakOperations(leaks: LeakService): Operation[] {
  return [
    defineOperation({
      method: 'POST',
      path: '/leaks',
      operationId: 'reportLeak',
      summary: 'Report that a token was found in a public place',
      body: leakBodySchema,
      response: { status: 200, description: 'The outcome for the key.', schema: leakReportSchema },
      errors: ['key_not_found'],
      async handle({ operator: { workspaceId, actor }, source, body }) {
        const { tokenOrId, ...input } = body as LeakInput & { tokenOrId: string };
        const { outcome, keyId } = await leaks.report(tokenOrId, input, { workspaceId, actor, source });
        return { status: 200, body: { outcome, keyId } };
      },
    }),
  ];
}
