// A browser that its push service gave another address. Nobody is signed in when that happens, so the device itself says so: by
// the cookie that it is known by, and by the secret of the subscription before, which the gateway and that browser alone have.
import { z } from 'zod'
import { channelProblem, channelProblems } from '../approvals/channels/contract.ts'
import { NewDevice, unpadded } from '../approvals/channels/push/contract.ts'
import { sameMac } from '../crypto/mac.ts'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import { Done, done } from '../http/shapes.ts'
import { peopleProblems } from '../identity/people/contract.ts'
import type { Actor } from '../storage/storage.ts'
import { type DeviceRooms, deviceByCookie } from './device-cookie.ts'

const { endpoint: Address, keys: Keys } = NewDevice.shape

export const renewDevice = endpoint({
  method: 'POST',
  path: '/claviger/v1/push/renewed',
  caller: 'person',
  summary:
    'The subscription of a device is another: its cookie, and the `auth` of the one before, say that it is the same',
  body: z.strictObject({
    before: z.strictObject({ endpoint: Address, auth: Keys.shape.auth }),
    endpoint: Address,
    keys: Keys,
  }),
  reply: Done,
  problems: { ...channelProblems, ...peopleProblems },
})

export interface RenewNeeds extends DeviceRooms {
  /** Counts one try from this address. Throws Problem `rate_limited`. */
  readonly limit: (address: string) => void
}

export function renewRoutes<Who>({ channels, people, limit }: RenewNeeds): BoundEndpoint<Who>[] {
  return [
    bind(renewDevice, async ({ body: { before, ...now }, rawHeaders, client }) => {
      limit(client.address)
      const device = deviceByCookie({ channels, people }, rawHeaders)
      const [shown, known] = [before.auth, device?.auth ?? ''].map((text) => Buffer.from(unpadded(text)))
      const same = sameMac(shown as Buffer, known as Buffer) && device?.endpoint === before.endpoint
      const owner = device && people.room.identity.directory.operator(device.operator)
      if (device === undefined || !same || owner?.status !== 'active') throw channelProblem('device_unknown')
      const by: Actor = { kind: 'operator', id: device.operator, key: device.id }
      await channels.devices.renew(device, now, by)
      return done
    }),
  ]
}
