import type { ApiError } from '../api/api-error';

/** Issues of a form, by the names of fields in the request. */
export type FieldErrors = Readonly<Record<string, string | undefined>>;

/** The server's issue with a field, or with a part of it. */
export function fieldError(error: ApiError | null, name: string): string | undefined {
  return error?.issues.find(({ path }) => path === name || path.startsWith(`${name}.`))?.message;
}

/** Focuses the first field with an issue. */
function focusFirst(errors: FieldErrors, idOf: (name: string) => string): void {
  const [name] = Object.entries(errors).find(([, text]) => text !== undefined) ?? [];
  if (name === undefined) return;
  const field = document.getElementById(idOf(name));
  const input = field?.matches('input') ? field : field?.querySelector<HTMLElement>('input');
  input?.focus();
}

/** Sends a form, or focuses its first field with an issue. */
export function submitForm(errors: FieldErrors, idOf: (name: string) => string, send: () => unknown): void {
  if (Object.values(errors).some((text) => text !== undefined)) focusFirst(errors, idOf);
  else send();
}
