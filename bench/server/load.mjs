// The load generator, in a process of its own. Receives { port, path, headers, connections, amount }, sends the number of
// requests per second back.
import autocannon from 'autocannon';

// autocannon itself ends at a full second, so the time to the last response is taken here.
function run({ port, path, headers, connections, amount }) {
  return new Promise((resolve) => {
    let left = amount;
    let failed = 0;
    let seconds = 0;
    const started = performance.now();
    const options = { url: `http://127.0.0.1:${port}${path}`, headers, connections, amount };
    const instance = autocannon(options, () => {
      resolve(
        failed === 0 && left === 0
          ? { perSecond: amount / seconds }
          : { error: `${failed + left} of ${amount} requests failed.` },
      );
    });
    instance.on('response', (_client, status) => {
      left -= 1;
      if (status !== 200) failed += 1;
      if (left > 0) return;
      seconds = (performance.now() - started) / 1000;
      instance.stop();
    });
  });
}

process.on('message', async (message) => process.send(await run(message)));
process.on('disconnect', () => process.exit());
