import type { Command } from '../command';
import { KEY_COMMANDS } from './keys';

/** Every command, in the order in which help tells of them. */
export const COMMANDS: readonly Command[] = [...KEY_COMMANDS];
