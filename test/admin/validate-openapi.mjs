// The validator is an ES module, which Jest does not load; so it runs beside it. In: a document. Out: its issues.
import { text } from 'node:stream/consumers';
import { Validator } from '@seriousme/openapi-schema-validator';

const validator = new Validator();
const result = await validator.validate(JSON.parse(await text(process.stdin)));
process.stdout.write(JSON.stringify({ version: validator.version, ...result }));
