import type { RelyingPrincipal } from '../../identity/relying/contract.ts'
import type { Room } from '../../identity/room.ts'
import { revokeSession, sessionOfJti } from '../../identity/sessions/tokens.ts'

/** Ends the sign-in of a token that was for the service that asks. False for tokens of others, known or not. */
export async function revokeByJti(room: Room, jti: string, { service, token }: RelyingPrincipal): Promise<boolean> {
  const session = sessionOfJti(room, jti)
  if (session === undefined || session.audience !== service.id) return false
  await revokeSession(room, session, { kind: 'service', id: service.id, key: token.id }, 'by its service')
  return true
}
