/** Paths of the console and its sign-in. */
export const ADMIN = '/admin/api-keys';
export const SIGN_IN = '/sign-in';
export const SIGN_OUT = '/sign-out';
