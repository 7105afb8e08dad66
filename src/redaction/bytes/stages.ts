// What the tracker expects next, or (from IN_VALUE on) what it has sent somebody else through.
export const AT_VALUE = 0;
export const AT_FIRST_VALUE = 1;
export const AT_COLON = 2;
export const AT_NEXT = 3;
export const DONE = 4;
export const IN_VALUE = 5;
/** In an object, on the way to a name that may matter. */
export const IN_MEMBERS = 6;
/** Ahead of a value that waits for its conversation's project. */
export const SEARCHING = 7;

// What becomes of the value to come, or being read.
export const KEPT = 0;
export const EMPTIED = 1;
/** It goes together with its name. */
export const DROPPED = 2;
