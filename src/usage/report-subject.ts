import { z } from 'zod';
import type { ReportedEvent } from '../events';

/** Properties that reports of one kind have in common. */
export interface ReportSubject {
  /** As in the event `reported`. */
  readonly kind: ReportedEvent['kind'];
  /** Null: as in the event. */
  readonly method: string | null;
  readonly route: string | null;
  readonly keyId: string | null;
  /** Code and reason of the denial. Null: the request would have been allowed, or the response redacted. */
  readonly code: string | null;
  readonly reason: string | null;
  /** Of a difference: whether the other check allowed the request. Otherwise null. */
  readonly comparedAllowed: boolean | null;
  /** The features whose fields would have been removed. */
  readonly withheld: readonly string[];
  /** Why the body could not have been sent. */
  readonly rejection: string | null;
}

const MAX_TEXT = 200;

const text = z.string().nullable();
const subjectSchema = z.strictObject({
  kind: z.enum(['denied', 'difference', 'redacted']),
  method: text,
  route: text,
  keyId: text,
  code: text,
  reason: text,
  comparedAllowed: z.boolean().nullable(),
  withheld: z.array(z.string()),
  rejection: text,
});

/** The subject of an event as text: without what differs between two requests of one kind. */
export function subjectOf(event: ReportedEvent): string {
  const { kind, method, route, keyId } = event;
  const isRedaction = kind === 'redacted';
  const subject: ReportSubject = {
    kind,
    method: method?.slice(0, MAX_TEXT) ?? null,
    route: route?.slice(0, MAX_TEXT) ?? null,
    keyId,
    code: isRedaction ? null : event.code,
    reason: isRedaction ? null : event.reason,
    comparedAllowed: kind === 'difference' ? event.comparedAllowed : null,
    withheld: isRedaction ? event.withheld : [],
    rejection: isRedaction ? (event.rejection?.slice(0, MAX_TEXT) ?? null) : null,
  };
  return JSON.stringify(subject);
}

/** Null for another text, such as that of a later version. */
export function readSubject(stored: string): ReportSubject | null {
  try {
    return subjectSchema.parse(JSON.parse(stored));
  } catch {
    return null;
  }
}
