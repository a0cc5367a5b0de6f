// Fastify: a hook, for a whole application or for one route.
import type { Claims } from '../verify/claims.ts'
import { checkOptions, type GuardOptions, type IncomingHead, judge } from './guard.ts'

export type { GuardOptions } from './guard.ts'

export interface FastifyRequestShape {
  readonly raw: IncomingHead
  /** The path as it came, before rewriting. */
  readonly originalUrl: string
}

export interface FastifyReplyShape {
  code(status: number): unknown
  headers(values: Record<string, string>): unknown
  send(payload: string): unknown
}

const claimsOf = new WeakMap<object, Claims>()

/** `app.addHook('onRequest', requireAgent({ verifier }))`, or `{ onRequest: requireAgent({ verifier, scopes }) }` of a route. */
export function requireAgent(options: GuardOptions) {
  checkOptions(options)
  return async (request: FastifyRequestShape, reply: FastifyReplyShape): Promise<unknown> => {
    const judged = await judge(options, request.raw, request.originalUrl)
    if ('claims' in judged) {
      claimsOf.set(request, judged.claims)
      return undefined
    }
    const { status, headers, body } = judged.refusal
    reply.code(status)
    reply.headers({ ...headers })
    reply.send(body)
    return reply
  }
}

/** What the token of this request says. Throws where no `requireAgent()` has judged it. */
export function agentOf(request: object): Claims {
  const claims = claimsOf.get(request)
  if (claims === undefined) throw new TypeError('this request has not passed requireAgent()')
  return claims
}
