import { Subject } from './history';

test('Subject counts a change as the latest when it is applied after data were replaced', () => {
  const subject = new Subject<boolean>('s');
  subject.force(true, 'first', 0);
  const change = subject.begin(false, 'changed', 0, 10);
  const restored = subject.force(true, 'first', 20);
  subject.apply(change);
  change.outcome = 'acknowledged';
  change.endedAt = 30;
  expect(subject.supersededBy(change, 1000, 100)).toBeNull();
  expect(subject.supersededBy(restored, 1000, 100)).toBe(change);
  const next = subject.force(true, 'first', 40);
  expect(subject.supersededBy(change, 1000, 100)).toBe(next);
});

test('Subject takes data that look as before for the change that they showed last', () => {
  const subject = new Subject<boolean>('s');
  subject.force(true, 'first', 0);
  const made = subject.begin(false, 'gone', 0, 10);
  const refused = subject.begin(false, 'gone', 1, 20);
  refused.outcome = 'refused';
  expect(subject.candidates('gone')).toEqual([made]);
  subject.apply(made);
  made.outcome = 'unknown';
  expect(subject.candidates('gone')).toEqual([made]);
});
