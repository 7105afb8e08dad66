import type { Command } from '../command';
import { AUDIT_COMMANDS } from './audit';
import { DOCTOR_COMMAND } from './doctor';
import { IMPORT_COMMAND } from './import';
import { KEY_COMMANDS } from './keys';
import { LEAKS_COMMAND } from './leaks';
import { PROJECT_COMMANDS } from './projects';
import { REPORTS_COMMAND } from './reports';
import { USAGE_COMMAND } from './usage';
import { VERIFY_COMMAND } from './verify';
import { WEBHOOK_COMMANDS } from './webhooks';

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  ...KEY_COMMANDS,
  IMPORT_COMMAND,
  ...PROJECT_COMMANDS,
  LEAKS_COMMAND,
  ...AUDIT_COMMANDS,
  ...WEBHOOK_COMMANDS,
  USAGE_COMMAND,
  REPORTS_COMMAND,
  VERIFY_COMMAND,
  DOCTOR_COMMAND,
];
