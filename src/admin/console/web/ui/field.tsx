import type { ComponentChildren } from 'preact';

/** The issue of a field. */
export function FieldError({ id, text }: { readonly id: string; readonly text: string | undefined }) {
  if (text === undefined) return null;
  return (
    <p class="field-error" id={id}>
      {text}
    </p>
  );
}

export interface GroupProps {
  readonly legend: string;
  readonly hint?: ComponentChildren;
  readonly id: string;
  readonly error: string | undefined;
  readonly children: ComponentChildren;
}

/** Several inputs with one legend. */
export function Group({ legend, hint, id, error, children }: GroupProps) {
  const described = [hint ? `${id}-hint` : '', error === undefined ? '' : `${id}-error`].filter(Boolean).join(' ');
  return (
    <fieldset id={id} class={error === undefined ? 'group' : 'group invalid'} aria-describedby={described || undefined}>
      <legend>{legend}</legend>
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {children}
      <FieldError id={`${id}-error`} text={error} />
    </fieldset>
  );
}

export interface TextFieldProps {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly error: string | undefined;
  readonly hint?: string;
  readonly autofocus?: boolean;
  onInput(value: string): void;
}

/** Several lines of text. */
export function TextArea({ id, label, value, error, hint, onInput }: Omit<TextFieldProps, 'autofocus'>) {
  const described = [hint ? `${id}-hint` : '', error === undefined ? '' : `${id}-error`].filter(Boolean).join(' ');
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        rows={3}
        autocomplete="off"
        spellcheck={false}
        value={value}
        aria-invalid={error === undefined ? undefined : 'true'}
        aria-describedby={described || undefined}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      <FieldError id={`${id}-error`} text={error} />
    </div>
  );
}

export function TextField({ id, label, value, error, hint, autofocus, onInput }: TextFieldProps) {
  const described = [hint ? `${id}-hint` : '', error === undefined ? '' : `${id}-error`].filter(Boolean).join(' ');
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        dir="auto"
        autocomplete="off"
        spellcheck={false}
        value={value}
        aria-invalid={error === undefined ? undefined : 'true'}
        aria-describedby={described || undefined}
        onInput={(event) => onInput(event.currentTarget.value)}
        {...(autofocus && { autofocus: true })}
      />
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      <FieldError id={`${id}-error`} text={error} />
    </div>
  );
}
