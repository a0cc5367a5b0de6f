/** Asks a service whose a stored secret is: the gateway does, through its gate (`claviger credential check`). */
import { Problem } from '../../ground/problem.ts'
import type { GatewayClient } from '../client.ts'
import { pathOf } from '../path-of.ts'

export type Verdict =
  | { readonly outcome: 'works'; readonly identity: string }
  /** The service does not know the secret. */
  | { readonly outcome: 'refused'; readonly why: string }
  /** Nobody can say. */
  | { readonly outcome: 'unknown'; readonly why: string }

export type Verifier = (handle: string) => Promise<Verdict>

export function verifierOf(operator: GatewayClient): Verifier {
  return async (handle) => {
    try {
      return await operator.ask({ method: 'POST', path: pathOf('credentials', handle, 'check') })
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      return { outcome: 'unknown', why: `${error.title} [${error.code}]` }
    }
  }
}
