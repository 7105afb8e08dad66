// The Express app whose CPU and memory the suite measures, in a process of its own: `front.mjs <upstream's port>`. Each
// route exists twice, under /plain and under /redacted; between the two lies `redactResponse()` and nothing else.
import http from 'node:http';
import { pipeline } from 'node:stream';
import express from 'express';
import { createApiKeys } from 'keyscope';
import { createPage, ENABLED_METRICS } from './payload.mjs';

const ACME = { workspaceId: 'ws-fd112d8f' };
const PROJECTS = {
  off: { transcript: false, metrics: ENABLED_METRICS },
  on: { transcript: true, metrics: ENABLED_METRICS },
  all: { transcript: true, metrics: 'all' },
};
const upstream = { host: '127.0.0.1', port: Number(process.argv[2]), agent: new http.Agent({ keepAlive: true }) };

const apiKeys = createApiKeys({ permissions: { conversations: { label: 'Conversations data' } } });
for (const [id, features] of Object.entries(PROJECTS)) await apiKeys.projects.set(id, features, ACME);
const { token } = await apiKeys.keys.create({
  ...ACME,
  name: 'CRM',
  agents: 'all',
  permissions: ['conversations'],
});

/** Passes the upstream's response on, as a proxy does. */
function proxy(path) {
  return (_req, res, next) => {
    http
      .get({ ...upstream, path }, (answer) => {
        res.writeHead(answer.statusCode, { 'Content-Type': answer.headers['content-type'] });
        // A client that goes away is the bench's own way to end a stream.
        pipeline(answer, res, () => {});
      })
      .on('error', next);
  };
}

function routes(...redact) {
  const router = express.Router({ mergeParams: true });
  const page = createPage();
  router.use(apiKeys.requireApiKey('conversations', { workspace: 'account_id', agent: 'project_id' }), ...redact);
  for (const path of ['/json', '/audio', '/once']) router.get(path, proxy(path));
  for (const size of [1024, 1_048_576]) {
    const recording = Buffer.alloc(size, 'RIFF');
    router.get(`/audio/${size}`, (_req, res) => res.type('audio/wav').send(recording));
  }
  router.get('/page', (_req, res) => res.json(page));
  return router;
}

const app = express();
app.use('/plain/:account_id/:project_id', routes());
app.use('/redacted/:account_id/:project_id', routes(apiKeys.redactResponse({ passthrough: ['audio/wav'] })));

process.on('message', ({ type }) => {
  if (type === 'end') process.disconnect();
  else {
    // Garbage of earlier requests does not count.
    if (type === 'before') globalThis.gc();
    const { user, system } = process.cpuUsage();
    process.send({ cpu: user + system, rss: process.resourceUsage().maxRSS * 1024 });
  }
});
process.on('disconnect', () => process.exit());

await apiKeys.ready();
const server = app.listen(0, '127.0.0.1', () => process.send({ port: server.address().port, token }));
