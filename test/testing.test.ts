import express from 'express';
import { KeyscopeError } from 'keyscope';
import { createTestKeys } from 'keyscope/testing';
import request from 'supertest';

const permissions = { orders: { label: 'Orders' }, invoices: { label: 'Invoices' } };

test('createTestKeys gives tokens for an app, and its clock moves their expiry', async () => {
  const { apiKeys, clock, tokenFor } = createTestKeys({ permissions });
  const app = express().get('/orders', apiKeys.requireApiKey('orders'), (_req, res) => res.json([]));
  const [all, invoices, short] = [
    await tokenFor(),
    await tokenFor({ permissions: ['invoices'] }),
    await tokenFor({ expiresIn: '1d' }),
  ];
  const get = (token: string) => request(app).get('/orders').set('x-api-key', token);
  await get(all).expect(200);
  await get(invoices).expect(403);
  await get(short).expect(200);
  clock.advance('23h');
  await get(short).expect(200);
  clock.advance(3_600_000);
  const res = await get(short).expect(401);
  expect(res.body.code).toBe('expired_key');
  await get(all).expect(200);
});

test('the clock of createTestKeys begins at the given time', async () => {
  const now = new Date('2031-05-01T12:00:00Z');
  const { apiKeys, clock } = createTestKeys({ permissions, now });
  clock.advance('1h');
  const { key } = await apiKeys.keys.create({ name: 'CRM', permissions: ['orders'] });
  expect(key.createdAt).toEqual(new Date('2031-05-01T13:00:00Z'));
});

test.each(['1 day', -1, Number.NaN, '', null])('the clock of createTestKeys rejects %j as a duration', (duration) => {
  const { clock } = createTestKeys({ permissions });
  const before = clock.wall();
  expect(() => clock.advance(duration as string)).toThrow(KeyscopeError);
  expect(clock.wall()).toBe(before);
});

test('createTestKeys rejects mistakes in its options as createApiKeys does', () => {
  expect(() => createTestKeys({ permissions, prefx: 'ks' } as never)).toThrow(/prefx/);
});
