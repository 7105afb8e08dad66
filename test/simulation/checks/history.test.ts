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

test('Subject looks for a label that the data show among the changes that were not refused', () => {
  const subject = new Subject<boolean>('s');
  subject.force(true, 'first', 0);
  const made = subject.begin(false, 'changed', 0, 10);
  subject.apply(made);
  made.outcome = 'acknowledged';
  subject.force(true, 'first', 20);
  const refused = subject.begin(false, 'changed', 1, 30);
  refused.outcome = 'refused';
  expect(subject.candidates('changed')).toEqual([made]);
  made.outcome = 'refused';
  expect(subject.candidates('changed')).toEqual([refused]);
});
