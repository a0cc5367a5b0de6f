import type { Invocation } from '../verb.ts'
import type { FlagKind, Flags } from './flags.ts'

/** What a verb answers: JSON for stdout, or lines of text, or nothing more than an exit code. */
export type Said =
  | { readonly json: unknown; readonly code?: number }
  | { readonly text: string }
  | { readonly code: number }

/** A verb of the command `clauth`, as data. */
export interface ClauthVerb {
  readonly about: string
  readonly flags: Readonly<Record<string, FlagKind>>
  readonly run: (flags: Flags, invocation: Invocation) => Promise<Said>
}

export const iso = (time: number): string => new Date(time).toISOString()
