/** Where the console is, and where one signs in to it. */
export const ADMIN = '/admin/api-keys';
export const SIGN_IN = '/sign-in';
export const SIGN_OUT = '/sign-out';
