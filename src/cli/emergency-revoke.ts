import type { Command } from 'commander'
import { addVerb, type Session } from './verb.ts'

/** `claviger emergency-revoke`: asks nothing, because there is no time for questions. */
export function emergencyRevokeCommand(program: Command, session: Session): void {
  addVerb(program, session, {
    signature: 'emergency-revoke',
    summary:
      'stop every agent at once: all agent tokens die, running calls and streams end, nobody signs in again before `agent unlock`; asks nothing',
    async run({ operator }) {
      const json = await operator().ask({ method: 'POST', path: '/emergency-revoke' })
      return { json, text: `all agent tokens are revoked; ${json.stoppedCalls} running calls were ended` }
    },
  })
}
