// What every door takes from a request besides its body.
import type { Client } from '../../http/client-address.ts'
import { headerOf } from '../../http/header-of.ts'
import type { From } from './sign-in.ts'

export interface Came {
  readonly rid: string
  readonly client: Client
  readonly rawHeaders: readonly string[]
}

/**
 * Thumbprint of the key that a request to the endpoint proves, if it proves one. Throws Problem `possession_unproven` for a
 * bad proof.
 */
export type JktOf = (
  endpoint: { readonly method: string; readonly path: string },
  came: Pick<Came, 'client' | 'rawHeaders'>,
) => string | undefined

export function fromOf(door: string, { rid, client, rawHeaders }: Came): From {
  return { address: client.address, rid, door, userAgent: headerOf(rawHeaders, 'user-agent') }
}
