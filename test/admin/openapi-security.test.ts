import { createOpenapiSecurity } from '../../src/admin/openapi-security';
import type { PermissionRequirement } from '../../src/auth/permission-requirement';
import { parseRequirement } from '../../src/auth/permission-requirement';
import { createTokenReader } from '../../src/auth/read-token';
import { validate } from './validate';

const openapiSecurity = createOpenapiSecurity<PermissionRequirement>({
  securitySchemes: createTokenReader({ tokenSources: [{ header: 'x-api-key' }], realm: 'api' }).securitySchemes,
  parse: (requirement) => parseRequirement(requirement, ['conversations', 'handoff'], 'openapiSecurity'),
});

describe('openapiSecurity()', () => {
  test.each<[string, PermissionRequirement | undefined, object[]]>([
    ['any valid key', undefined, [{ apiKey: [] }]],
    ['one permission', 'handoff', [{ apiKey: ['handoff'] }]],
    ['all of several', { allOf: ['conversations', 'handoff'] }, [{ apiKey: ['conversations', 'handoff'] }]],
    [
      'one of several',
      { anyOf: ['conversations', 'handoff'] },
      [{ apiKey: ['conversations'] }, { apiKey: ['handoff'] }],
    ],
  ])('openapiSecurity describes an operation with %s', (_what, requirement, expected) => {
    expect(openapiSecurity().security(requirement)).toEqual(expected);
    expect(openapiSecurity().security(requirement, { optional: true })).toEqual([...expected, {}]);
  });

  test('openapiSecurity rejects permissions that are not declared', () => {
    expect(() => openapiSecurity().security('handof')).toThrow(expect.objectContaining({ code: 'invalid_options' }));
  });

  test('openapiSecurity returns new parts for each document, which make it valid', async () => {
    const { components, security, responses } = openapiSecurity();
    expect(components.securitySchemes).toEqual({
      apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key', description: expect.any(String) },
    });
    const document = {
      openapi: '3.1.0',
      info: { title: 'Conversations', version: '3' },
      paths: {
        '/v3/conversations': {
          get: {
            security: security('conversations'),
            responses: { '200': { description: 'Conversations.' }, ...responses },
          },
        },
      },
      components,
    };
    expect(await validate(document)).toEqual({ valid: true, version: '3.1' });
    expect(openapiSecurity().components).not.toBe(components);
  });
});
