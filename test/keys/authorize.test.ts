import fc from 'fast-check';
import { KeyscopeError } from '../../src/errors';
import { compileAddressList } from '../../src/keys/address-list';
import {
  type AuthContext,
  authorize,
  compileRequirement,
  type Decision,
  NO_REQUIREMENT,
  type RequestValue,
  type Requirement,
} from '../../src/keys/authorize';
import { createScope } from '../../src/keys/scope';
import type { Agents } from '../../src/store/records';
import { unicodeText } from '../support/unicode-text';

const NOW = Date.UTC(2030, 0, 1);
const said = (value: string): RequestValue => ({ value, ambiguous: false });
const ABSENT: RequestValue = { value: undefined, ambiguous: false };
const AMBIGUOUS: RequestValue = { value: undefined, ambiguous: true };

interface Case {
  agents?: Agents;
  permissions?: string[];
  disabled?: boolean;
  revoked?: boolean;
  expiresAt?: number;
  requirement?: Requirement;
  workspace?: AuthContext['workspace'];
  agent?: AuthContext['agent'];
  allowedIps?: string[];
  address?: string;
}

function decideCase(given: Case): Decision {
  const { agents = 'all', permissions = ['conversations'], disabled = false, expiresAt = NOW + 1 } = given;
  const { revoked = false, requirement = NO_REQUIREMENT, workspace = null, agent = null } = given;
  const record = { workspaceId: 'acme', disabled, revoked, expiresAt };
  const { allowedIps = [], address } = given;
  const key = { record, scope: createScope({ agents, permissions }), addresses: compileAddressList(allowedIps) };
  return authorize(key, requirement, { workspace, agent, address }, NOW);
}
const codeOf = (given: Case) => decideCase(given)?.code ?? null;

describe('a key that is limited to addresses', () => {
  const allowedIps = ['192.0.2.0/24'];

  test('authorize allows a request from an address in the list', () => {
    expect(codeOf({ allowedIps, address: '192.0.2.7' })).toBeNull();
    expect(codeOf({ allowedIps: [], address: '198.51.100.1' })).toBeNull();
    expect(codeOf({ allowedIps: [] })).toBeNull();
  });

  test('authorize denies a request with ip_not_allowed when its address is another one or unknown', () => {
    expect(decideCase({ allowedIps, address: '198.51.100.1' })).toMatchObject({ code: 'ip_not_allowed', reason: 'ip' });
    expect(codeOf({ allowedIps })).toBe('ip_not_allowed');
    expect(codeOf({ allowedIps, address: '' })).toBe('ip_not_allowed');
    expect(codeOf({ allowedIps, address: 'unknown' })).toBe('ip_not_allowed');
  });

  test('authorize names the address before workspace, agent and permission, and after disabled and expired', () => {
    const elsewhere = { allowedIps, address: '198.51.100.1' };
    expect(codeOf({ ...elsewhere, workspace: said('other'), agent: AMBIGUOUS })).toBe('ip_not_allowed');
    expect(codeOf({ ...elsewhere, requirement: compileRequirement('all', ['handoff']) })).toBe('ip_not_allowed');
    expect(codeOf({ ...elsewhere, disabled: true })).toBe('disabled_key');
    expect(codeOf({ ...elsewhere, expiresAt: NOW })).toBe('expired_key');
  });
});

describe('a key that is in order', () => {
  test('authorize allows a valid key', () => {
    expect(decideCase({})).toBeNull();
    expect(decideCase({ workspace: said('acme'), agent: said('p1') })).toBeNull();
    expect(decideCase({ agents: ['p1'], agent: said('p1') })).toBeNull();
  });

  test('authorize allows a key until the last millisecond before its expiry', () => {
    expect(codeOf({ expiresAt: NOW + 1 })).toBeNull();
    expect(codeOf({ expiresAt: NOW })).toBe('expired_key');
    expect(codeOf({ expiresAt: NOW - 1 })).toBe('expired_key');
    expect(codeOf({ expiresAt: Number.NaN })).toBe('expired_key');
  });

  test('authorize denies a revoked key with expired_key when its expiry is in the future', () => {
    expect(codeOf({ revoked: true })).toBe('expired_key');
  });

  test('authorize denies a disabled key', () => {
    expect(codeOf({ disabled: true })).toBe('disabled_key');
  });
});

describe('the workspace', () => {
  test('authorize uses the workspace of the key when the route declares none', () => {
    expect(codeOf({ workspace: null })).toBeNull();
  });

  test('authorize denies a request for another workspace than the one of the key', () => {
    for (const other of ['globex', 'ACME', 'acme ', '__proto__']) {
      expect(codeOf({ workspace: said(other) })).toBe('workspace_not_in_scope');
    }
  });

  test('authorize denies a request that does not state the declared workspace exactly once', () => {
    expect(codeOf({ workspace: ABSENT })).toBe('workspace_not_in_scope');
    expect(codeOf({ workspace: AMBIGUOUS })).toBe('workspace_not_in_scope');
    expect(codeOf({ workspace: { value: 'acme', ambiguous: true } })).toBe('workspace_not_in_scope');
  });
});

describe('the agent', () => {
  test('authorize denies a request for an agent outside the scope', () => {
    expect(codeOf({ agents: ['p1', 'p2'], agent: said('p2') })).toBeNull();
    for (const other of ['p3', 'P1', '__proto__', 'all']) {
      expect(codeOf({ agents: ['p1', 'p2'], agent: said(other) })).toBe('agent_not_in_scope');
    }
  });

  test('authorize allows a request without an agent only for keys of all agents', () => {
    for (const agent of [null, ABSENT]) {
      expect(codeOf({ agents: 'all', agent })).toBeNull();
      expect(codeOf({ agents: ['p1'], agent })).toBe('agent_not_in_scope');
    }
  });

  test('authorize denies every key when the agent is stated twice, because the handler could read the other one', () => {
    for (const agents of ['all', ['p1']] as const) {
      expect(codeOf({ agents, agent: AMBIGUOUS })).toBe('agent_not_in_scope');
      expect(codeOf({ agents, agent: { value: 'p1', ambiguous: true } })).toBe('agent_not_in_scope');
    }
  });

  test('authorize ignores the agent when the handler filters by the scope', () => {
    expect(codeOf({ agents: ['p1'], agent: 'handler' })).toBeNull();
  });

  test('authorize denies with the reason agent_not_stated when a limited key has no agent to check', () => {
    for (const agent of [null, ABSENT]) {
      expect(decideCase({ agents: ['p1'], agent })).toMatchObject({ reason: 'agent_not_stated' });
    }
    expect(decideCase({ agents: ['p1'], agent: said('p2') })).toMatchObject({ reason: 'agent' });
  });
});

describe('the permissions', () => {
  const permissions = ['conversations', 'handoff'];

  test('authorize ignores permissions when the route requires none', () => {
    expect(codeOf({ permissions: [], requirement: NO_REQUIREMENT })).toBeNull();
  });

  test('authorize requires one permission of anyOf', () => {
    expect(codeOf({ permissions, requirement: compileRequirement('any', ['handoff', 'events']) })).toBeNull();
    expect(codeOf({ permissions, requirement: compileRequirement('any', ['events', 'handoff']) })).toBeNull();
    expect(codeOf({ permissions, requirement: compileRequirement('any', ['events', 'calls']) })).toBe(
      'permission_denied',
    );
  });

  test('authorize requires every permission of allOf', () => {
    expect(codeOf({ permissions, requirement: compileRequirement('all', ['handoff', 'conversations']) })).toBeNull();
    expect(codeOf({ permissions, requirement: compileRequirement('all', ['handoff', 'events']) })).toBe(
      'permission_denied',
    );
    expect(codeOf({ permissions, requirement: compileRequirement('all', ['events', 'handoff']) })).toBe(
      'permission_denied',
    );
  });

  test('authorize names the required permissions, never those of the key', () => {
    const secret = ['billing_secret'];
    const message = (requirement: Requirement) => decideCase({ permissions: secret, requirement })?.message;
    expect(message(compileRequirement('any', ['handoff']))).toBe('This request requires the permission `handoff`.');
    expect(message(compileRequirement('any', ['handoff', 'events']))).toBe(
      'This request requires one of the permissions `handoff`, `events`.',
    );
    expect(message(compileRequirement('all', ['handoff', 'events']))).toBe(
      'This request requires all of the permissions `handoff`, `events`.',
    );
  });

  test('compileRequirement rejects an empty list, which could mean everything or nothing', () => {
    expect(() => compileRequirement('all', [])).toThrow(KeyscopeError);
    expect(() => compileRequirement('any', [])).toThrow('`anyOf` received an empty array');
  });

  test('compileRequirement copies its list and freezes the result', () => {
    const names = ['handoff'];
    const requirement = compileRequirement('any', names);
    names[0] = 'conversations';
    expect(codeOf({ permissions: ['conversations'], requirement })).toBe('permission_denied');
    expect(Object.isFrozen(requirement) && Object.isFrozen(requirement.permissions)).toBe(true);
  });
});

test('the first reason counts: whether the key works, then where it reaches, then what is required there', () => {
  const wrong: Case = {
    disabled: true,
    expiresAt: NOW,
    workspace: said('globex'),
    agents: ['p1'],
    agent: said('p2'),
    permissions: [],
    requirement: compileRequirement('any', ['handoff']),
  };
  const order: [keyof Case, unknown, string][] = [
    ['disabled', false, 'disabled_key'],
    ['expiresAt', NOW + 1, 'expired_key'],
    ['workspace', said('acme'), 'workspace_not_in_scope'],
    ['agent', said('p1'), 'agent_not_in_scope'],
    ['permissions', ['handoff'], 'permission_denied'],
  ];
  const given = { ...wrong };
  for (const [field, repaired, code] of order) {
    expect(codeOf(given)).toBe(code);
    Object.assign(given, { [field]: repaired });
  }
  expect(codeOf(given)).toBeNull();
});

test('no denial says anything of the request or of the key but what is required', () => {
  const text = unicodeText({ minLength: 3 }).map((middle) => `<${middle}>`);
  fc.assert(
    fc.property(text, text, text, (workspace, agent, held) => {
      const denials = [
        decideCase({ workspace: said(workspace) }),
        decideCase({ agents: [held], agent: said(agent) }),
        decideCase({ agents: [held] }),
        decideCase({ permissions: [held], requirement: compileRequirement('any', ['handoff']) }),
      ];
      for (const denial of denials) {
        for (const given of [workspace, agent, held]) expect(denial?.message).not.toContain(given);
      }
    }),
  );
});

test('authorize allows only keys without any fault, for random keys and requests', () => {
  const fault = fc.record({
    disabled: fc.boolean(),
    expired: fc.boolean(),
    workspace: fc.boolean(),
    agent: fc.boolean(),
    permission: fc.boolean(),
  });
  fc.assert(
    fc.property(fault, (faults) => {
      const decision = decideCase({
        disabled: faults.disabled,
        expiresAt: faults.expired ? NOW : NOW + 1,
        workspace: said(faults.workspace ? 'globex' : 'acme'),
        agents: ['p1'],
        agent: said(faults.agent ? 'p2' : 'p1'),
        permissions: faults.permission ? ['handoff'] : ['conversations'],
        requirement: compileRequirement('all', ['conversations']),
      });
      expect(decision === null).toBe(!Object.values(faults).includes(true));
    }),
  );
});
