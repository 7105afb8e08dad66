import { LAST_AUDIT_ID } from './audit.lua';
import { LINK_ALIAS, UNLINK_ALIAS } from './imported-tokens.lua';
import { CREATE_KEY, DELETE_KEY, EXPOSE_KEY, ROTATE_KEY, UPDATE_KEY } from './keys.lua';
import { CLEAR_PROJECT, SET_PROJECT } from './projects.lua';

/** The scripts that run on the connection for changes. Usage counters and limits have scripts of their own. */
export const SCRIPTS = {
  createKey: CREATE_KEY,
  updateKey: UPDATE_KEY,
  deleteKey: DELETE_KEY,
  rotateKey: ROTATE_KEY,
  exposeKey: EXPOSE_KEY,
  setProject: SET_PROJECT,
  clearProject: CLEAR_PROJECT,
  linkAlias: LINK_ALIAS,
  unlinkAlias: UNLINK_ALIAS,
  lastAuditId: LAST_AUDIT_ID,
} as const;

export type ScriptName = keyof typeof SCRIPTS;
