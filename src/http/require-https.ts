import type { IncomingMessage } from 'node:http'
import type { Problem } from '../ground/problem.ts'
import type { ClientOf } from './client-address.ts'
import { httpProblem } from './problems.ts'

export type RequireHttps = (request: IncomingMessage) => Problem | undefined

const refusal = httpProblem('https_required')

/**
 * Makes the judge of how a request came: 426 `https_required` for plain HTTP from beyond this machine, unless a trusted
 * proxy says that its client came over TLS. Undefined for what may go on.
 */
export function httpsRequirement(clientOf: ClientOf): RequireHttps {
  return (request) => {
    const { secure, loopback } = clientOf(request)
    return secure || loopback ? undefined : refusal
  }
}
