import type { OptionSpecs } from '../command';

/** Options of commands that change something. */
export const CHANGE_OPTIONS: OptionSpecs = {
  actor: { value: 'NAME', help: 'Actor for the audit log. Default: cli:USER, with your user name.' },
};

/** Options of destructive commands. */
export const DESTROY_OPTIONS: OptionSpecs = {
  ...CHANGE_OPTIONS,
  yes: { help: 'Do not ask for confirmation.' },
};
