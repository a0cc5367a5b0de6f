// Callers whose client can send no credential: what names them instead is the address that they were given. It is noted
// before the request is looked at, by whoever owns the address, and never by what the request says.
import type { IncomingMessage } from 'node:http'

/** A token in the base URL; or '' and the agent that a listener was given to, with where that listens. */
export interface Bound {
  readonly token: string
  readonly agent?: string
  readonly listener?: string
}

const bound = new WeakMap<IncomingMessage, Bound>()

export function noteBound(request: IncomingMessage, to: Bound): void {
  bound.set(request, to)
}

/** Undefined for most: who calls then stands in the headers alone. */
export function boundOf(request: IncomingMessage): Bound | undefined {
  return bound.get(request)
}

const TOKEN_IN_PATH = /^\/a\/([^/?]+)(\/[^?]*)?(\?.*)?$/s

/**
 * Takes an agent's token out of `/a/<token>/…`, so that the rest is routed, matched and recorded as if it had never been
 * there. Leaves alone what is not of that form.
 */
export function takeBoundToken(request: IncomingMessage): void {
  const [, token, path = '/', query = ''] = TOKEN_IN_PATH.exec(request.url ?? '') ?? []
  if (token === undefined) return
  request.url = `${path}${query}`
  noteBound(request, { token })
}
