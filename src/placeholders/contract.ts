/** The promise of the placeholders room, data only: what stands for a credential in an environment or a file. */
import { z } from 'zod'
import type { AgentId, CredentialId, ServiceId, TokenId } from '../ground/ids.ts'
import type { PlaceholderShape } from '../ground/placeholder-shape.ts'
import { problemsOf } from '../ground/problem.ts'

const Time = z.int().nonnegative()

export const IssuePlaceholders = z.strictObject({
  /** Names of services; all that the agent was given something on if left out. */
  services: z.array(z.string().min(1).max(128)).min(1).max(64).optional(),
})

export const PlaceholderView = z.object({
  /** Names it to people and models; it is no placeholder itself. */
  id: z.string(),
  /** Name of the agent. */
  agent: z.string(),
  /** Id of the token with whose life it ends. */
  token: z.string(),
  service: z.string(),
  /** The credential's handle. */
  credential: z.string(),
  /** Where it may be sent: the service's origins. */
  origins: z.array(z.string()),
  /** Environment variables in which clients look for such a key. */
  variables: z.array(z.string()),
  createdAt: Time,
  expiresAt: Time,
})
export type PlaceholderView = z.output<typeof PlaceholderView>

/** The only answer that ever holds the placeholder itself. */
export const IssuedPlaceholder = PlaceholderView.extend({ placeholder: z.string() })
export type IssuedPlaceholder = z.output<typeof IssuedPlaceholder>

/** The read-model's entry. */
export interface PlaceholderEntry {
  readonly id: string
  readonly agent: AgentId
  readonly token: TokenId
  readonly service: ServiceId
  readonly credential: CredentialId
  /** What stands before the run that it is known by. */
  readonly before: string
  readonly variables: readonly string[]
  readonly createdAt: number
  readonly expiresAt: number
  /** What the record of a call that it was sent with says. */
  readonly told: { readonly placeholder: string }
}

/** One to be made. */
export interface NewPlaceholder {
  readonly service: ServiceId
  readonly credential: CredentialId
  readonly shape: PlaceholderShape
  readonly variables: readonly string[]
}

export const placeholderProblems = {
  placeholder_gone: {
    status: 404,
    title: 'There is no such placeholder',
    hint: 'See `claviger placeholder list`; one that ended is not kept.',
  },
  placeholders_full: {
    status: 409,
    title: 'The agent has as many placeholders as it may',
    hint: 'End some (`claviger placeholder end`), or the tokens that they hang on.',
  },
} as const

export const placeholderProblem = problemsOf(placeholderProblems)
