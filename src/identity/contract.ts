/** The promise of the identity room, data only: shapes, views, problems. Times are milliseconds since 1970. */
import { z } from 'zod'
import type { TokenKind } from '../crypto/tokens.ts'
import type { AgentId, OperatorId, TokenId } from '../ground/ids.ts'
import { problemsOf } from '../ground/problem.ts'
import type { AnyRole } from '../http/endpoint.ts'
import { TtlSeconds } from '../http/shapes.ts'
import type { Scoped } from '../policy/scope.ts'
import type { ListenerEntry } from './listener-token.ts'
import type { PersonSession } from './people/person-sessions.ts'
import { Source, type TokenSources } from './token-sources.ts'

export const DAY_MS = 86_400_000
/** Agent keys and operator tokens live at most this long, and this long unless told otherwise (CRYPTO §6). */
export const MAX_TOKEN_LIFE_MS = 90 * DAY_MS

/** Lower case, so that no two names look alike; never the shape of an id, nor a word that stands beside names in paths. */
export const NAME_PATTERN = /^(?!(?:agent|op)_|(?:self|register|invite)$)[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/
export const AgentName = z.string().regex(NAME_PATTERN, {
  error: 'lower-case letters, digits and . _ - between them, at most 64; not like an id',
})

/** For people: what a token is for. No control, format or private-use characters. */
export const LABEL_PATTERN = /^\P{C}{1,100}$/u

const Time = z.int().nonnegative()
export const AgentStatus = z.enum(['pending', 'active', 'suspended', 'revoked'])
export type AgentStatus = z.output<typeof AgentStatus>

export const Email = z
  .string()
  .max(254)
  .regex(/^[^\s@<>"\p{C}]{1,64}@[^\s@<>"\p{C}]{1,189}$/u)
export const AddAgent = z.strictObject({ name: AgentName, email: Email.optional() })

export const AgentView = z.object({
  id: z.string(),
  name: z.string(),
  status: AgentStatus,
  createdAt: Time,
  email: z.string().optional(),
  /** What it is called where names may be anything: by people, or at a door. */
  label: z.string().optional(),
  /** Who brought it here. */
  origin: z.enum(['operator', 'named-invite', 'invite', 'public']).optional(),
})
export type AgentView = z.output<typeof AgentView>

export const IssueToken = z.strictObject({
  /** Id or name. */
  agent: z.string().min(1).max(128),
  ttlSeconds: TtlSeconds.optional(),
  label: z.string().regex(LABEL_PATTERN).optional(),
  /** Where it may be shown; anywhere if left out. */
  from: z.array(Source).min(1).max(16).optional(),
})

export const TokenView = z.object({
  id: z.string(),
  kind: z.string(),
  /** Id of the agent or operator that it speaks for. */
  owner: z.string(),
  /** Name of the agent, if it is one's. */
  agent: z.string().optional(),
  label: z.string().optional(),
  status: z.enum(['active', 'revoked', 'expired']),
  createdAt: Time,
  expiresAt: Time,
  revokedAt: Time.optional(),
  /** Addresses and ranges that it may be shown from; `socket`: the Unix socket that is its own. */
  from: z.array(z.string()).optional(),
})
export type TokenView = z.output<typeof TokenView>

/** The only answer that ever holds the token itself. */
export const IssuedToken = TokenView.extend({
  token: z.string(),
  /** The folder with its own socket, `gateway.sock`, where it has one. */
  socketFolder: z.string().optional(),
})

/** The read-model's entry of an agent: the same object for its whole life, kept up to date in place. */
export interface AgentEntry {
  readonly id: AgentId
  readonly name: string
  readonly status: AgentStatus
  readonly createdAt: number
  /** The operator who answers for it; undefined for agents from before there were several. */
  readonly owner: string | undefined
  readonly origin: 'operator' | 'named-invite' | 'invite' | 'public' | undefined
  /** Personal data: shown to services of the same owner only. */
  readonly email: string | undefined
  /** What people call it, where a door lets names be anything. */
  readonly label: string | undefined
}

/** Whether nobody but the agent said what it is called: then its name is no proof of who it is. */
export function namesItself({ origin }: Pick<AgentEntry, 'origin'>): boolean {
  return origin === 'invite' || origin === 'public'
}

export interface OperatorEntry {
  readonly id: OperatorId
  readonly name: string
  /** `member`: no operator at all, and never becomes one. */
  readonly role: AnyRole
  readonly createdAt: number
  readonly status: 'active' | 'revoked'
  /** What a member calls themselves. */
  readonly displayName: string | undefined
}

/** The read-model's entry of a token, kept up to date in place. `status` knows nothing of `expiresAt`. */
export interface TokenEntry {
  readonly id: TokenId
  /** A door's name: the token is of that door's own shape. */
  readonly kind: TokenKind | 'clauth' | 'clawgate' | 'botmaker'
  readonly owner: string
  readonly label: string | undefined
  readonly createdAt: number
  readonly expiresAt: number
  readonly status: 'active' | 'revoked'
  readonly revokedAt: number | undefined
  /** Where it may be shown; undefined: anywhere. */
  readonly sources: TokenSources | undefined
}

/** A signed access token whose signature holds: it stands where an opaque token would. `id` is its sign-in's. */
export interface AccessTokenEntry {
  readonly kind: 'jwt'
  readonly id: TokenId
  readonly createdAt: number
  readonly expiresAt: number
  readonly status: 'active' | 'revoked'
  /** Thumbprint of the key that must prove each use (RFC 9449). */
  readonly jkt: string | undefined
  readonly claims: Readonly<Record<string, unknown>>
  /** Whether it is all of a sign-in with the agent's own key: nothing narrowed, nothing counted, nobody else who acts by it. */
  readonly whole: boolean
  /** Whether its scope leaves a call in; it never gives what no grant gave. */
  covers(service: string, call: Scoped): boolean
  /** Present where the sign-in is good for so many calls. */
  use?(): Promise<boolean>
}

/** Who asks. An agent's or its token's status may forbid everything: that is the policy's to say. */
export type Principal = AgentPrincipal | OperatorPrincipal
export interface AgentPrincipal {
  readonly kind: 'agent'
  readonly agent: AgentEntry
  readonly token: TokenEntry | AccessTokenEntry | ListenerEntry
}
export interface OperatorPrincipal {
  readonly kind: 'operator'
  readonly id: OperatorId
  readonly operator: OperatorEntry
  readonly token: TokenEntry
  /** Present where they are signed in at the operators' pages. */
  readonly session?: PersonSession
}

export const identityProblems = {
  agent_unknown: { status: 404, title: 'There is no such agent', hint: 'List them: claviger agent list' },
  agent_name_taken: { status: 409, title: 'Another agent has this name', hint: 'Choose another name' },
  agent_name_invalid: {
    status: 422,
    title: 'Cannot use this name for an agent',
    hint: 'Use 1 to 64 of lower-case letters, digits, `.`, `_`, `-`, with a letter or digit at both ends',
  },
  agent_not_revoked: {
    status: 409,
    title: 'Only an agent that is revoked for good can be erased',
    hint: 'Revoke it first: claviger agent revoke NAME',
  },
  agent_not_pending: {
    status: 409,
    title: 'The agent waits for no approval',
    hint: '`claviger agent list` shows which do: their status is pending.',
  },
  agent_pending: {
    status: 409,
    title: 'The agent waits for approval',
    hint: 'Approve it: claviger agent approve NAME',
  },
  agent_revoked: { status: 409, title: 'The agent is revoked for good', hint: 'Add a new agent' },
  door_salts_full: {
    status: 409,
    title: 'Tokens of too many other installations were brought over',
    hint: 'Issue new ones in their place',
  },
  token_unknown: { status: 404, title: 'There is no such token', hint: 'List them: claviger token list' },
  token_known: { status: 409, title: 'This agent had a token before, or another has this one' },
  token_life_invalid: {
    status: 422,
    title: 'A token cannot live that long',
    hint: 'Give 1 second to 90 days, and issue a new token before the old one ends',
  },
  wrong_audience: {
    status: 401,
    title: 'The token is good, but for another audience than the gateway',
    hint: 'Sign in without an audience (`claviger login`), or ask for one whose resource is the gateway.',
  },
  possession_unproven: {
    status: 401,
    title: 'The token is bound to a key, and the call does not prove that its sender holds it',
    hint: 'Send a DPoP proof (RFC 9449) with htm, htu, iat, jti, ath, and the nonce of the dpop-nonce header if there is one',
  },
  token_elsewhere: {
    status: 403,
    title: 'The token is bound to where it may come from, and this came from elsewhere',
    hint: 'An operator can issue one for this place: claviger token issue AGENT --from ADDRESS',
  },
  token_socket_failed: {
    status: 500,
    title: 'The socket for this token cannot be opened, so no token was issued',
    hint: 'The path of the home may be too long for a socket, or the disk full: `claviger doctor`.',
  },
  token_label_invalid: {
    status: 422,
    title: 'Cannot use this label',
    hint: 'Use 1 to 100 printable characters',
  },
} as const

export const identityProblem = problemsOf(identityProblems)
