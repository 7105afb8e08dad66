import { Events } from '../src/events';

test('listeners hear their event until they end their subscription', () => {
  const events = new Events();
  const heard: string[] = [];
  const off = events.on('cache', (event) => heard.push(event.outcome));
  expect(events.hasListeners('cache')).toBe(true);
  events.emit('cache', { subject: 'key', outcome: 'hit' });
  off();
  events.emit('cache', { subject: 'key', outcome: 'miss' });
  expect(heard).toEqual(['hit']);
  expect(events.hasListeners('cache')).toBe(false);
});

test('a listener that throws keeps nobody else from hearing and becomes a process warning', () => {
  const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const events = new Events();
  const heard: string[] = [];
  events.on('cache', () => {
    throw new Error('the metrics library is broken');
  });
  events.on('cache', (event) => heard.push(event.outcome));
  events.emit('cache', { subject: 'key', outcome: 'hit' });
  expect(heard).toEqual(['hit']);
  expect(warn).toHaveBeenCalledWith(
    expect.stringMatching(/'cache' event threw: .*the metrics library is broken/),
    'KeyscopeWarning',
  );
  warn.mockRestore();
});
