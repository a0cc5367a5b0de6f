import type { Actor } from '../../storage/storage.ts'
import { requireAgent } from '../agents.ts'
import type { Room } from '../room.ts'
import type { AccessTokens } from './access-tokens.ts'
import { revokeSession, revokeSessionsOf, sessionOfRefresh } from './tokens.ts'

/** A sign-in as operators see it; nothing of its tokens. */
export interface SessionView {
  readonly id: string
  readonly key: string | undefined
  readonly audience: string
  readonly scope: string | undefined
  /** Whether each use must prove a key. */
  readonly bound: boolean
  readonly createdAt: number
  readonly expiresAt: number
}

/** What operators and holders of tokens do with sign-ins. Agents go by id or name. */
export class AgentSessions {
  readonly #room: Room
  readonly #accessTokens: AccessTokens

  constructor(room: Room, accessTokens: AccessTokens) {
    this.#room = room
    this.#accessTokens = accessTokens
  }

  /** The live ones of an agent. Throws Problem `agent_unknown`. */
  list(idOrName: string): SessionView[] {
    const { sessions, clock, directory } = this.#room
    const agent = requireAgent(directory.agent(idOrName)).id
    const now = clock.now()
    const live = [...sessions.of(agent)].filter((one) => one.live && now < one.expiresAt)
    return live.map(({ id, key, audience, scope, jkt, createdAt, expiresAt }) => {
      return { id, key, audience, scope, bound: jkt !== undefined, createdAt, expiresAt }
    })
  }

  /** Ends every one of an agent. Resolves to how many there were. Throws Problem `agent_unknown`. */
  async revokeOf(idOrName: string, by: Actor): Promise<number> {
    return revokeSessionsOf(this.#room, requireAgent(this.#room.directory.agent(idOrName)).id, by)
  }

  /** Ends the one that an access or refresh token belongs to: whoever holds it may. False if it is none of ours. Throws Problem `vault_sealed`. */
  async revokeShown(presented: string): Promise<boolean> {
    this.#room.pepper()
    const session = sessionOfRefresh(this.#room, presented) ?? this.#accessTokens.sessionOf(presented)
    if (session === undefined) return false
    await revokeSession(this.#room, session, { kind: 'system', id: 'holder' }, 'shown')
    return true
  }
}
