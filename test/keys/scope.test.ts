import { createScope } from '../../src/keys/scope';

describe('a scope', () => {
  test('a scope of all agents allows every agent', () => {
    const scope = createScope({ agents: 'all', permissions: ['conversations'] });
    expect(scope.agents).toBe('all');
    for (const id of ['a', 'anything', '__proto__', '']) expect(scope.allowsAgent(id)).toBe(true);
  });

  test('a scope with a list allows exactly its agents', () => {
    const scope = createScope({ agents: ['a', 'b'], permissions: ['conversations'] });
    expect(scope.agents).toEqual(['a', 'b']);
    expect(['a', 'b', 'A', 'ab', 'c', '', ' a'].filter(scope.allowsAgent)).toEqual(['a', 'b']);
  });

  test('a scope has exactly its permissions', () => {
    const scope = createScope({ agents: 'all', permissions: ['conversations', 'handoff'] });
    expect(['conversations', 'handoff', 'external_events', 'Handoff', ''].filter(scope.has)).toEqual([
      'conversations',
      'handoff',
    ]);
  });

  test('a scope allows and has no name that every object inherits', () => {
    const scope = createScope({ agents: ['a'], permissions: ['conversations'] });
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', '0', 'size']) {
      expect(scope.allowsAgent(name)).toBe(false);
      expect(scope.has(name)).toBe(false);
    }
    const own = createScope({ agents: ['__proto__'], permissions: ['constructor'] });
    expect(own.allowsAgent('__proto__')).toBe(true);
    expect(own.has('constructor')).toBe(true);
  });

  test('a scope allows nothing that is not a string', () => {
    for (const scope of [
      createScope({ agents: 'all', permissions: ['a'] }),
      createScope({ agents: ['a'], permissions: ['a'] }),
    ]) {
      for (const value of [undefined, null, ['a'], {}, 0]) expect(scope.allowsAgent(value as string)).toBe(false);
    }
  });

  test('a scope and its list cannot be changed, not even through the record', () => {
    const agents = ['a'];
    const permissions = ['conversations'];
    const scope = createScope({ agents, permissions });
    agents.push('b');
    permissions.push('handoff');
    expect(() => (scope.agents as string[]).push('b')).toThrow(TypeError);
    expect(() => Object.assign(scope, { agents: 'all' })).toThrow(TypeError);
    expect(() => Object.assign(scope, { allowsAgent: () => true })).toThrow(TypeError);
    expect(scope.agents).toEqual(['a']);
    expect(scope.allowsAgent('b')).toBe(false);
    expect(scope.has('handoff')).toBe(false);
    expect(Object.isFrozen(createScope({ agents: 'all', permissions }))).toBe(true);
  });
});
