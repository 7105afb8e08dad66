import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import type { Response } from 'supertest';
import { OPENAPI } from '../../example-app/openapi/document';

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema(OPENAPI, 'openapi.json');

const compiled = new Map<object, ValidateFunction>();

/** A schema of the document, whose references are the document's. */
function validatorOf(schema: object): ValidateFunction {
  let validate = compiled.get(schema);
  if (!validate) {
    const text = JSON.stringify(schema).replaceAll('"#/components/', '"openapi.json#/components/');
    validate = ajv.compile(JSON.parse(text));
    compiled.set(schema, validate);
  }
  return validate;
}

const templates = Object.entries(OPENAPI.paths).map(([template, operations]) => ({
  pattern: new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  // `/v1/agents/…` is no account named "agents": literal paths come first.
  parameters: template.split('{').length,
  operations: operations as Readonly<Record<string, Operation>>,
}));
templates.sort((a, b) => a.parameters - b.parameters);

function operationOf(method: string, path: string): Operation | undefined {
  return templates.find(({ pattern }) => pattern.test(path))?.operations[method.toLowerCase()];
}

/**
 * Holds a response against the app's OpenAPI document: its status, type and every member must be declared. Paths
 * that the document does not have, such as the sign-in page, are not checked.
 */
export function validateResponse(method: string, url: string, response: Response): void {
  const path = url.replace(/\?.*/s, '');
  const operation = operationOf(method, path);
  // 405 and 404 are for requests that no operation of the document describes; so is the sign-in page.
  if (operation === undefined) return;
  const declared = operation.responses[response.status];
  expect({ url, status: response.status, declared: declared !== undefined }).toMatchObject({ declared: true });
  const [type, media] = Object.entries(declared?.content ?? {})[0] ?? [];
  if (type === undefined || media === undefined) {
    expect([url, response.text ?? '']).toEqual([url, '']);
    return;
  }
  expect([url, response.type]).toEqual([url, type]);
  if (type !== 'application/json') return;
  const validate = validatorOf(media.schema);
  validate(response.body);
  expect([url, validate.errors ?? []]).toEqual([url, []]);
}
