// Whom a proof is for. A gateway that could name any issuer could have proofs made for another one and pass them on (F-02):
// the issuer is the one that was configured, or has the origin that the agent was told to talk to.
import { isLoopback } from '../base-url.ts'
import { ClavigerError } from '../claviger-error.ts'
import type { Wire } from '../wire.ts'

/** `named` if it is to be trusted. Throws `issuer_mismatch`. */
export function checkIssuer(named: unknown, baseUrl: string, expected: string | undefined): string {
  const fits = expected === undefined ? hasOrigin(named, baseUrl) : named === expected
  if (typeof named === 'string' && fits) return named
  throw new ClavigerError('issuer_mismatch', 'The gateway asks for a proof to another issuer', {
    detail: `it names ${String(named).slice(0, 200)}, and ${expected ?? baseUrl} was expected`,
    hint: 'If that is right, give this issuer as `issuer`',
  })
}

/** The issuer as the gateway's metadata spell it (RFC 8414). */
export async function findIssuer(wire: Wire, expected: string | undefined): Promise<string> {
  if (expected !== undefined) return expected
  const { json } = await wire.ask({ method: 'GET', path: '/.well-known/oauth-authorization-server' })
  return checkIssuer(json.issuer, wire.baseUrl, undefined)
}

/** The same scheme, host and port; the names of this machine count as one. */
function hasOrigin(named: unknown, baseUrl: string): boolean {
  if (typeof named !== 'string' || !URL.canParse(named)) return false
  const [a, b] = [new URL(named), new URL(baseUrl)]
  return a.origin === b.origin || (isLoopback(a) && isLoopback(b) && a.protocol === b.protocol && a.port === b.port)
}
