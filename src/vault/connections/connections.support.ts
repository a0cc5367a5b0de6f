import { TokenEndpoint, type TokenEndpointOptions } from '../../../test/instruments/token-endpoint.ts'
import { addressSet } from '../../ground/addresses.ts'
import { SetClock } from '../../ground/clock.ts'
import { parseOrigin } from '../../ground/origin.ts'
import { createOutbound } from '../../http/outbound.ts'
import { createResolver } from '../../http/resolve.ts'
import { operator, origins, service, testVault } from '../vault.support.ts'
import type { Vault } from '../vault.ts'
import type { ConnectionInput } from './contract.ts'
import type { TokenPlaces } from './places.ts'

/** For tests: a vault, and a token endpoint on loopback that its service allows. Time is now, and stands still. */
export async function connectionRoom(options: TokenEndpointOptions = {}) {
  const clock = new SetClock(Date.now())
  const endpoint = await TokenEndpoint.start({ now: () => clock.now(), ...options })
  const allowed = addressSet(['127.0.0.0/8'])
  const places = { now: { origins: [parseOrigin(endpoint.origin, { anyPort: true })], allowed } as TokenPlaces }
  const outbound = createOutbound({ resolver: createResolver({ clock }), ca: [endpoint.authority.pem] })
  const room = testVault({ outbound, placesOf: () => places.now }, clock)
  return {
    ...room,
    clock,
    endpoint,
    places,
    connect: (vault: Vault, connection: ConnectionInput, more: { handle?: string; replace?: boolean } = {}) =>
      vault.connect({ handle: 'account', service, origins, connection, ...more }, operator),
    /** What a call gets: its token, after whatever had to be done first. */
    async use(vault: Vault, handle = 'account') {
      const permit = room.permitFor(vault.find(handle)?.id)
      await vault.prepare(permit)
      return vault.open(permit)
    },
    async [Symbol.asyncDispose]() {
      await room.remove()
      await endpoint[Symbol.asyncDispose]()
    },
  }
}

export type ConnectionRoom = Awaited<ReturnType<typeof connectionRoom>>
