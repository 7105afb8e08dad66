import express, { type Request, type RequestHandler, type Response } from 'express';
import type { Directory } from '../data/directory';
import { type Operators, SESSION_COOKIE } from '../operators';
import { ADMIN, SIGN_IN } from './places';
import { single } from './project';

/** With the slash, which the console would redirect to. */
const CONSOLE = `${ADMIN}/`;

function page(data: Directory, refused: boolean): string {
  const accounts = data.workspaces.map(({ id, name }) => `<option value="${id}">${name}</option>`).join('');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in</title>
<main>
<h1>Sign in to the example</h1>
${refused ? '<p role="alert"><strong>That is not the password.</strong> It was printed when the example started.</p>' : '<p>With the password that was printed when the example started.</p>'}
<form method="post">
<p><label>Password <input type="password" name="password" required autofocus autocomplete="current-password"></label></p>
<p><label>Account <select name="account">${accounts}</select></label></p>
<p><label><input type="checkbox" name="read_only" value="yes"> May only look</label></p>
<p><button>Sign in</button></p>
</form>
</main>
</html>
`;
}

function setCookie(res: Response, value: string, more = ''): void {
  // No `Secure`: the example is served without TLS, on this machine.
  res.append('Set-Cookie', `${SESSION_COOKIE}=${value}; Path=/; HttpOnly; SameSite=Lax${more}`);
}

/**
 * A sign-in for the demonstration; it is not part of the API. The link that is printed at the start carries the password.
 */
export function signIn(data: Directory, operators: Operators): { get: RequestHandler; post: RequestHandler[] } {
  function respond(req: Request, res: Response, given: Record<string, unknown>): void {
    res.set({ 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer', 'X-Frame-Options': 'DENY' });
    const { password, account, read_only: readOnly } = given;
    if (!operators.knows(password)) {
      const refused = password !== undefined;
      res
        .status(refused ? 401 : 200)
        .type('html')
        .send(page(data, refused));
      return;
    }
    operators.close(req);
    setCookie(res, operators.open(single(account), readOnly === 'yes'));
    res.redirect(303, CONSOLE);
  }

  return {
    get: (req, res) => respond(req, res, req.query),
    post: [
      express.urlencoded({ extended: false, limit: '4kb' }),
      (req, res) => respond(req, res, { password: '', ...req.body }),
    ],
  };
}

/** Ends the session. */
export function signOut(operators: Operators): RequestHandler {
  return function endSession(req, res) {
    operators.close(req);
    setCookie(res, '', '; Max-Age=0');
    res.redirect(303, SIGN_IN);
  };
}
