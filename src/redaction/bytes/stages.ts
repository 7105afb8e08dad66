// What is expected next, or (from IN_NAME on) what the scanner is in the middle of.
export const AT_VALUE = 0;
export const AT_FIRST_VALUE = 1;
export const AT_FIRST_NAME = 2;
export const AT_NAME = 3;
export const AT_COLON = 4;
export const AT_NEXT = 5;
export const DONE = 6;
export const IN_NAME = 7;
export const IN_VALUE = 8;
/** In an object of which all members stay, on the way to a name that matters. */
export const IN_MEMBERS = 9;
/** Ahead of a value that waits for its conversation's project. */
export const SEARCHING = 10;

// What becomes of the value being read.
export const KEPT = 0;
export const EMPTIED = 1;
/** It goes together with its name. */
export const DROPPED = 2;
