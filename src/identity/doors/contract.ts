/** What agents show at a door that has tokens of its own shape, data only. Times are milliseconds since 1970. */
import type { SessionId } from '../../ground/ids.ts'
import type { Label } from '../../policy/label.ts'
import type { AccessTokenEntry, AgentEntry } from '../contract.ts'

/** A door with tokens of its own: their kind in the table, and the audience of its sessions. */
export type DoorName = 'clauth' | 'clawgate' | 'botmaker'

/** How an agent stands with the door's token. */
export interface DoorTokenView {
  readonly agent: AgentEntry
  readonly active: boolean
  readonly createdAt: number
  readonly updatedAt: number
}

export interface OpenedDoorSession {
  readonly token: string
  readonly jti: string
  readonly issuedAt: number
  readonly expiresAt: number
}

/** A token of a session at a door, whose signature holds and which is live. */
export interface DoorSessionEntry extends AccessTokenEntry {
  /** Whom it was made for, in the door's own words. */
  readonly subject: string
  readonly jti: string
  readonly labelScope: Label | undefined
}

export interface DoorRevocation {
  readonly jti: string
  readonly revokedAt: number
  readonly expiresAt: number
  readonly reason: string
}

/** The session of a door's `jti`. */
export function doorSessionId(jti: string): SessionId {
  return `ses_${jti}` as SessionId
}
