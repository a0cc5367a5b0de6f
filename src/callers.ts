// Who may call which endpoint of the control plane. The endpoint says whom it wants; here is how that is proved.
import type { IncomingMessage } from 'node:http'
import type { AnyEndpoint } from './http/endpoint.ts'
import { httpProblem } from './http/problems.ts'
import type { Principal } from './identity/contract.ts'
import type { Identity } from './identity/identity.ts'
import { callerToken } from './proxy/caller-token.ts'
import type { Actor } from './storage/storage.ts'

/** Nobody in particular: an endpoint for anyone, or one that proves its caller by a passphrase in the body. */
export type Who = Principal | undefined

/** Recognises the caller of an endpoint, or throws Problem `unauthenticated`, `caller_refused`, `vault_sealed`. */
export function callerOf(identity: Identity, onUnknown: () => void) {
  return (request: IncomingMessage, { caller, whileSealed }: AnyEndpoint): Who => {
    if (caller === 'anyone' || whileSealed === true) return undefined
    const presented = callerToken(request.rawHeaders)
    const principal = presented === undefined ? undefined : identity.authenticate(presented)
    if (principal === undefined) {
      onUnknown()
      throw httpProblem('unauthenticated')
    }
    if (principal.kind !== caller) throw httpProblem('caller_refused')
    return principal
  }
}

/** The caller as records name it. */
export function actorOf(who: Who): Actor {
  if (who === undefined) return { kind: 'system', id: 'claviger' }
  return { kind: who.kind, id: who.kind === 'agent' ? who.agent.id : who.id, key: who.token.id }
}
