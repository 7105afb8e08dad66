// Alternatives that redact JSON, set up for the nearest result. Those that change their input restore it; those that
// cannot keep `turns` as an empty array drop it.
import { once } from 'node:events';
import { StringDecoder } from 'node:string_decoder';

/** A package is left out, and named on stderr, if it is not installed. */
async function tryImport(name) {
  try {
    return await import(name);
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    process.stderr.write(`${name} is not installed, so it is left out.\n`);
    return null;
  }
}

const kept = (metrics, enabled) => Object.fromEntries(Object.entries(metrics).filter(([name]) => enabled.has(name)));

/** Redacts a parsed page in place, as hand-written code would. */
export function redactParsed(page, { transcript, metrics }) {
  const enabled = new Set(metrics);
  for (const one of page.conversations) {
    if (!transcript) one.turns = [];
    one.metrics = kept(one.metrics, enabled);
  }
  return page;
}

/** `(page) => text` by name. */
export async function objectCompetitors(features, page) {
  const enabled = new Set(features.metrics);
  const withheld = Object.keys(page.conversations[0].metrics).filter((name) => !enabled.has(name));
  const competitors = {
    'a replacer function': (value) =>
      JSON.stringify(value, (name, member) => {
        if (name === 'turns' && !features.transcript) return [];
        return name === 'metrics' ? kept(member, enabled) : member;
      }),
  };
  const fastRedact = await tryImport('fast-redact');
  if (fastRedact !== null) {
    const paths = withheld.map((name) => `conversations[*].metrics.${name}`);
    if (!features.transcript) paths.push('conversations[*].turns');
    competitors['fast-redact'] = fastRedact.default({ paths, remove: true, serialize: JSON.stringify });
  }
  const jsonMask = await tryImport('json-mask');
  if (jsonMask !== null) {
    const members = Object.keys(page.conversations[0]).filter((name) => name !== 'metrics' && name !== 'turns');
    if (features.transcript) members.push('turns');
    const mask = `cursor,conversations(${members.join(',')},metrics(${features.metrics.join(',')}))`;
    competitors['json-mask'] = (value) => JSON.stringify(jsonMask.default(value, mask));
  }
  return competitors;
}

/** Stream redactors, `(pieces) => size` or a promise of it, by name. */
export async function streamCompetitors(features, page) {
  const competitors = {
    'JSON.parse + redact + JSON.stringify'(pieces) {
      const decoder = new StringDecoder('utf8');
      const text = pieces.map((piece) => decoder.write(piece)).join('');
      return Buffer.from(JSON.stringify(redactParsed(JSON.parse(text), features))).length;
    },
  };
  const streamparser = await tryImport('@streamparser/json');
  if (streamparser !== null) {
    competitors['@streamparser/json, each conversation'] = (pieces) => {
      const parser = new streamparser.JSONParser({ paths: ['$.conversations.*'], keepStack: false });
      let size = 0;
      parser.onValue = ({ value }) => {
        const { conversations } = redactParsed({ conversations: [value] }, features);
        size += Buffer.from(JSON.stringify(conversations[0])).length;
      };
      for (const piece of pieces) parser.write(piece);
      return size;
    };
  }
  const streamJson = await tryImport('stream-json/parser.js');
  if (streamJson !== null) {
    const { default: ignore } = await import('stream-json/filters/ignore.js');
    const { default: stringer } = await import('stream-json/stringer.js');
    const enabled = new Set(features.metrics);
    const withheld = Object.keys(page.conversations[0].metrics).filter((name) => !enabled.has(name));
    const members = withheld.map((name) => `metrics\\.${name}`);
    if (!features.transcript) members.push('turns');
    const filter = new RegExp(`^conversations\\.\\d+\\.(?:${members.join('|')})(?:\\.|$)`);
    competitors['stream-json, ignore and stringer'] = async (pieces) => {
      const input = streamJson.default.asStream({ packKeys: true });
      const output = input.pipe(ignore.asStream({ filter })).pipe(stringer.asStream());
      let size = 0;
      output.on('data', (text) => {
        size += Buffer.byteLength(text);
      });
      for (const piece of pieces) if (!input.write(piece)) await once(input, 'drain');
      input.end();
      await once(output, 'end');
      return size;
    };
  }
  return competitors;
}
