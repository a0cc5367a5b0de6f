// Express, Connect and whatever else calls `(request, response, next)`.
import type { Claims } from '../verify/claims.ts'
import { checkOptions, type GuardOptions, type IncomingHead, judge } from './guard.ts'

export type { GuardOptions } from './guard.ts'

export interface ExpressRequest extends IncomingHead {
  readonly url?: string | undefined
  /** Express keeps the whole path here when it cuts `url` to what a router sees. */
  readonly originalUrl?: string | undefined
}

export interface ExpressResponse {
  statusCode: number
  setHeader(name: string, value: string): unknown
  end(body: string): unknown
}

const claimsOf = new WeakMap<object, Claims>()

/** `app.use(requireAgent({ verifier }))`. Behind it `agentOf(request)` says who asks; without a good token nothing gets there. */
export function requireAgent(options: GuardOptions) {
  checkOptions(options)
  return (request: ExpressRequest, response: ExpressResponse, next: (error?: unknown) => void): void => {
    judge(options, request, request.originalUrl ?? request.url ?? '/').then((judged) => {
      if ('claims' in judged) {
        claimsOf.set(request, judged.claims)
        next()
        return
      }
      const { status, headers, body } = judged.refusal
      response.statusCode = status
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
      response.end(body)
    }, next)
  }
}

/** What the token of this request says. Throws where no `requireAgent()` has judged it. */
export function agentOf(request: object): Claims {
  const claims = claimsOf.get(request)
  if (claims === undefined) throw new TypeError('this request has not passed requireAgent()')
  return claims
}
