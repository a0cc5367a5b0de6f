// What the ways in know of placeholders, and what one that was found stands for. Its invariant: only a live one of the agent that
// calls, for the service that is called, stands for anything; everything else of that shape is a refusal.
import type { AgentId, CredentialId, ServiceId } from '../../ground/ids.ts'
import type { Origin } from '../../ground/origin.ts'
import { KEY_ID_BEGINS, MARK, runAt } from '../../ground/placeholder-shape.ts'
import type { PlaceholderEntry } from '../../placeholders/contract.ts'
import { isAwsSignature } from '../aws-scope.ts'
import { proxyProblem } from '../problems.ts'

/** From memory, all of it. */
export interface PlaceholderBook {
  /** Whether any was ever made, as far as is known: bodies that stream by are searched only then. */
  readonly inUse: boolean
  /** By the run that begins with the mark. */
  find(run: string): PlaceholderEntry | undefined
  isLive(entry: PlaceholderEntry): boolean
  serviceNamed(name: string): (PlacingService & { readonly origins: readonly Origin[] }) | undefined
  /** What people call a credential. */
  handleOf(credential: CredentialId): string | undefined
}

/** What matters of a service here. */
export interface PlacingService {
  readonly id: ServiceId
  readonly injection: object | undefined
  readonly bodyFields?: ReadonlySet<string> | undefined
}

/** Who calls what. */
export interface Asking {
  readonly agent: AgentId
  readonly service: ServiceId | undefined
}

export interface Found {
  readonly entry: PlaceholderEntry
  /** The whole of it, from the provider's beginning on. */
  readonly text: string
}

/**
 * What the mark at `at` stands for. Throws Problem `placeholder_unknown`, also for what is dead or another agent's: who asks
 * learns nothing of that; and `placeholder_elsewhere`.
 */
export function foundAt(book: PlaceholderBook, asking: Asking, text: string, at: number): Found {
  const run = runAt(text, at)
  const entry = book.find(run)
  if (entry === undefined || entry.agent !== asking.agent || !book.isLive(entry))
    throw proxyProblem('placeholder_unknown')
  const facts = { placeholder: entry.id }
  if (entry.service !== asking.service) throw proxyProblem('placeholder_elsewhere', { facts })
  return { entry, text: entry.before + run }
}

/** The place of the mark, or -1. In a signature of AWS the id of the key has one of its own. */
export function markIn(text: string): number {
  const at = text.indexOf(MARK)
  if (at >= 0 || !isAwsSignature(text)) return at
  const id = text.indexOf(KEY_ID_BEGINS)
  return id < 0 ? -1 : id + 'AKIA'.length
}

export function misplaced(where: string, placeholder?: string) {
  const facts = placeholder === undefined ? {} : { placeholder }
  return proxyProblem('placeholder_misplaced', { detail: `It stands in ${where}.`, facts })
}
