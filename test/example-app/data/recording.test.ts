import { createConversations } from '../../../example-app/data/conversations';
import { createDirectory } from '../../../example-app/data/directory';
import type { Turn } from '../../../example-app/data/model';
import { recordingOf } from '../../../example-app/data/recording';

const conversation = createConversations(createDirectory().project('acme-team-4')!, Date.UTC(2026, 7, 1)).whole(40);

function samples(file: Buffer): Buffer {
  return file.subarray(44, 44 + file.readUInt32LE(40));
}

function isSilent(sound: Buffer): boolean {
  return sound.every((sample) => sample === 128);
}

test('a recording is a RIFF file with its length in the header', () => {
  const file = recordingOf(conversation, 'combined', false);
  expect(file.toString('latin1', 0, 4) + file.toString('latin1', 8, 16)).toBe('RIFFWAVEfmt ');
  expect(file.readUInt32LE(4)).toBe(file.length - 8);
  expect(file.readUInt32LE(24)).toBe(8000);
  expect(file.readUInt32LE(40)).toBe(conversation.num_turns * 2 * 960);
  expect(isSilent(samples(file))).toBe(false);
});

test('each direction has one voice, and the other is silent', () => {
  const turn = { ...conversation.turns[0], user_input: 'hello', user_input_dtmf: '' } as Turn;
  const call = { ...conversation, turns: [turn] };
  const user = samples(recordingOf(call, 'user', false));
  const agent = samples(recordingOf(call, 'agent', false));
  expect([isSilent(user.subarray(0, 960)), isSilent(user.subarray(960))]).toEqual([false, true]);
  expect([isSilent(agent.subarray(0, 960)), isSilent(agent.subarray(960))]).toEqual([true, false]);
});

test('a redacted recording keeps its length and has no pressed keys', () => {
  const turn = { ...conversation.turns[0], user_input: '', user_input_dtmf: '4929' } as Turn;
  const call = { ...conversation, turns: [turn] };
  expect(isSilent(samples(recordingOf(call, 'user', false)))).toBe(false);
  expect(isSilent(samples(recordingOf(call, 'user', true)))).toBe(true);
  expect(recordingOf(call, 'user', true).length).toBe(recordingOf(call, 'user', false).length);
});
