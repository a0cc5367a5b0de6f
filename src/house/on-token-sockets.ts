// Doors know tokens that no other way in knows. On the socket of a token they take that token and nothing else.
import type { IncomingMessage } from 'node:http'
import type { DataPlane } from '../data-plane.ts'
import { Problem } from '../ground/problem.ts'
import type { Handle } from '../http/listen.ts'
import { sendProblem } from '../http/send-problem.ts'
import { identityProblem } from '../identity/contract.ts'
import type { Rooms } from '../rooms.ts'

type Needs = Pick<Rooms, 'clientOf' | 'audit' | 'storage'>

/** Where the ways in look for a token of the gateway's own. */
const MAY_BE_OURS: ReadonlySet<string> = new Set(['authorization', 'x-api-key', 'x-goog-api-key'])
/** Where doors look for what is never one. */
const OTHERS: ReadonlySet<string> = new Set(['x-clauth-skill-token', 'x-clauth-admin-token', 'cookie'])
const OURS = /^(?:(?:Bearer|token) +)?clv_/i
/** Read by the ways in alone, which prove what stands in it. */
const BASIC = /^Basic /i

/** The door behind this demand. What names nobody passes. */
export function onTokenSockets(rooms: Needs, { callingAgent }: Pick<DataPlane, 'callingAgent'>, door: Handle): Handle {
  return (request, response, rid) => {
    if (rooms.clientOf(request).socketOf === undefined) return door(request, response, rid)
    try {
      const shown = shownBy(request)
      if (shown === 'other') throw refused(rooms, rid)
      if (shown === 'ours') callingAgent(request)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      return sendProblem(response, error, rid)
    }
    return door(request, response, rid)
  }
}

function shownBy({ rawHeaders }: IncomingMessage): 'nothing' | 'ours' | 'other' {
  let shown: 'nothing' | 'ours' = 'nothing'
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase()
    const value = (rawHeaders[at + 1] as string).trim()
    if (OTHERS.has(name)) return 'other'
    if (!MAY_BE_OURS.has(name) || value === '') continue
    if (!OURS.test(value) && !BASIC.test(value)) return 'other'
    shown = 'ours'
  }
  return shown
}

function refused({ audit, storage }: Needs, rid: string) {
  audit.deny({
    rid,
    reason: 'token_elsewhere',
    policy: storage.epoch(),
    ev: { what: 'token.elsewhere', address: 'unix' },
  })
  return identityProblem('token_elsewhere')
}
