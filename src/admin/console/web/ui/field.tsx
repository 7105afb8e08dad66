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

type Described = Pick<GroupProps, 'id' | 'hint' | 'error'>;

/** The ids of a field's hint and issue, for `aria-describedby`. */
function describedBy({ id, hint, error }: Described): string | undefined {
  return [hint ? `${id}-hint` : '', error === undefined ? '' : `${id}-error`].filter(Boolean).join(' ') || undefined;
}

function Hint({ id, hint }: Pick<Described, 'id' | 'hint'>) {
  if (!hint) return null;
  return (
    <p class="hint" id={`${id}-hint`}>
      {hint}
    </p>
  );
}

/** Several inputs with one legend. */
export function Group({ legend, hint, id, error, children }: GroupProps) {
  const described = describedBy({ id, hint, error });
  return (
    <fieldset id={id} class={error === undefined ? 'group' : 'group invalid'} aria-describedby={described}>
      <legend>{legend}</legend>
      <Hint id={id} hint={hint} />
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

/** The attributes that one line and several lines of text have in common. */
function inputAttributes({ id, value, error, hint, onInput }: TextFieldProps) {
  return {
    id,
    value,
    autocomplete: 'off',
    spellcheck: false,
    'aria-invalid': error === undefined ? undefined : ('true' as const),
    'aria-describedby': describedBy({ id, hint, error }),
    onInput: (event: { currentTarget: { value: string } }) => onInput(event.currentTarget.value),
  };
}

function LabelledField({
  id,
  label,
  hint,
  error,
  children,
}: TextFieldProps & { readonly children: ComponentChildren }) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      <Hint id={id} hint={hint} />
      <FieldError id={`${id}-error`} text={error} />
    </div>
  );
}

/** Several lines of text. */
export function TextArea(props: Omit<TextFieldProps, 'autofocus'>) {
  return (
    <LabelledField {...props}>
      <textarea rows={3} {...inputAttributes(props)} />
    </LabelledField>
  );
}

export function TextField(props: TextFieldProps) {
  return (
    <LabelledField {...props}>
      <input type="text" dir="auto" {...inputAttributes(props)} {...(props.autofocus && { autofocus: true })} />
    </LabelledField>
  );
}
