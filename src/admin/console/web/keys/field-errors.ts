import type { Failure } from '../api/api-error';

/** What is wrong with a form's fields, by the name each has in the request. */
export type FieldErrors = Readonly<Record<string, string | undefined>>;

/** What the server found wrong with one field, or with a part of it. */
export function fieldError(failure: Failure | null, name: string): string | undefined {
  return failure?.issues.find(({ path }) => path === name || path.startsWith(`${name}.`))?.message;
}

/** Goes to the first field that something is wrong with. */
export function focusFirst(errors: FieldErrors, idOf: (name: string) => string): void {
  const [name] = Object.entries(errors).find(([, text]) => text !== undefined) ?? [];
  if (name === undefined) return;
  const field = document.getElementById(idOf(name));
  const input = field?.matches('input') ? field : field?.querySelector<HTMLElement>('input');
  input?.focus();
}

export function hasErrors(errors: FieldErrors): boolean {
  return Object.values(errors).some((text) => text !== undefined);
}
