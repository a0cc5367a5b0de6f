import { DoorSessions } from './identity/doors/door-sessions.ts'
import { DoorTokens } from './identity/doors/door-tokens.ts'
import type { Rooms } from './rooms.ts'

/**
 * Ends what somebody shows: an access or refresh token with its sign-in, an agent's or operator's token, an invite, a key of
 * a relying service. Whoever holds one may: it can do no more harm than be used. False if it is none of ours.
 */
export async function revokeShown({ identity, relying }: Pick<Rooms, 'identity' | 'relying'>, token: string) {
  return (
    (await identity.sessions.revokeShown(token)) ||
    (await identity.revokeLeaked(token)) ||
    (await identity.keys.revokeLeakedInvite(token)) ||
    (await new DoorTokens(identity.room, 'clauth').revokeLeaked(token)) ||
    (await new DoorSessions(identity.room, 'clauth').revokeLeaked(token)) ||
    relying.revokeLeaked(token)
  )
}
