// Sign-ins that were refused, for the log: somebody tries, and nobody would see it otherwise.
import type { OperatorId } from '../../ground/ids.ts'
import { Problem } from '../../ground/problem.ts'
import type { PeopleRoom } from './room.ts'

/** What is known of one. No secret that was tried, and nothing that a stranger wrote. */
export interface Refusal {
  readonly rid: string
  /** Code of the problem. */
  readonly reason: string
  readonly how: 'sign-in' | 'enrol' | 'recover' | 'verify' | 'approve'
  readonly door: 'pages' | 'clawgate'
  /** Which check failed, of a passkey's answer. */
  readonly check?: string | undefined
  /** Whose passkey it is, where it is one that is known. */
  readonly operator?: OperatorId | undefined
}

const TOLD: ReadonlySet<string> = new Set([
  'passkey_refused',
  'recovery_code_invalid',
  'link_unknown',
  'link_used',
  'operator_revoked',
])

export interface Trying extends Pick<Refusal, 'rid' | 'how' | 'door'> {
  /** The credential that answers, if one does. */
  readonly credential?: string | undefined
}

/** Does it, and has the log told where it is refused. */
export async function noting<T>(room: PeopleRoom, trying: Trying, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    noteRefusal(room, trying, error)
    throw error
  }
}

export function noteRefusal({ book, onRefusal }: PeopleRoom, { credential, ...trying }: Trying, error: unknown): void {
  if (!(error instanceof Problem) || !TOLD.has(error.code)) return
  const { check } = error.facts as { readonly check?: unknown }
  const operator = credential === undefined ? undefined : book.find(credential)?.operator
  onRefusal({ ...trying, reason: error.code, check: typeof check === 'string' ? check : undefined, operator })
}
