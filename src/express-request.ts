import type { RequestApiKey } from './auth/request-api-key';

declare global {
  namespace Express {
    interface Request {
      /**
       * Key of the request. Undefined before `requireApiKey`, and for anonymous requests with `optional: true`. If that
       * cannot be: `apiKeys.apiKeyOf(req)` is never undefined, and knows the declared permissions.
       *
       * If your app declares another `apiKey`, import `keyscope/unaugmented`, which does not contain this declaration.
       */
      apiKey?: RequestApiKey;
    }
  }
}
