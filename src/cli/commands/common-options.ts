import type { OptionSpecs } from '../command';

/** Options of commands that change something. */
export const CHANGE_OPTIONS: OptionSpecs = {
  actor: { value: 'NAME', help: 'Who does it, for the audit trail. Default: cli:<your user name>.' },
};

/** Options of commands that destroy something. */
export const DESTROY_OPTIONS: OptionSpecs = {
  ...CHANGE_OPTIONS,
  yes: { help: 'Do it without being asked.' },
};
