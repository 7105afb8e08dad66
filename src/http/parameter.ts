import type { Request } from 'express';

/** A value that a request states. An ambiguous one is never used: the handler could read another value. */
export interface Parameter {
  /** Undefined if the request does not state it. */
  readonly value: string | undefined;
  /** The request states it more than once, or not as a string. */
  readonly ambiguous: boolean;
}

export const ABSENT: Parameter = Object.freeze({ value: undefined, ambiguous: false });
export const AMBIGUOUS: Parameter = Object.freeze({ value: undefined, ambiguous: true });

export type ReadParameter = (req: Request) => Parameter;
