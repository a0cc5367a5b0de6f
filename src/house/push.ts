// Pushes to an operator's browsers, from their own page: which device it is, the cookie tells, and who is signed in there,
// the session. Channels knows devices, identity knows sessions.
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Channels } from '../approvals/channels/channels.ts'
import { channelProblems } from '../approvals/channels/contract.ts'
import { type Device, DeviceView, NewDevice } from '../approvals/channels/push/contract.ts'
import { hostOf } from '../approvals/channels/push/devices.ts'
import { toBase64url } from '../crypto/base64url.ts'
import { Answer, type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import { Done, done, IdParam, listOf } from '../http/shapes.ts'
import type { OperatorPrincipal } from '../identity/contract.ts'
import { refuseUnlessOwn, sessionOf } from '../identity/people/asked-by.ts'
import { peopleProblems } from '../identity/people/contract.ts'
import type { People } from '../identity/people/people.ts'
import type { Actor } from '../storage/storage.ts'
import { deviceByCookie, hashOf, setDeviceCookie } from './device-cookie.ts'
import { renewRoutes } from './renew-device.ts'

const PATH = '/claviger/v1/push'
/** What everybody who answers approvals does for themselves. */
const own = { caller: 'operator', role: 'approver', problems: { ...channelProblems, ...peopleProblems } } as const

export const startPush = endpoint({
  ...own,
  method: 'POST',
  path: `${PATH}/start`,
  summary: 'The key that a browser subscribes with; made when it is first asked for',
  reply: z.object({ publicKey: z.string() }),
})

export const addDevice = endpoint({
  ...own,
  fresh: true,
  method: 'POST',
  path: `${PATH}/devices`,
  summary: 'Push to this browser. By the cookie of the answer it is known as a device of this operator',
  body: NewDevice,
  reply: DeviceView,
  status: 201,
})

export const listDevices = endpoint({
  ...own,
  role: 'auditor',
  method: 'GET',
  path: `${PATH}/devices`,
  summary: 'Devices that take pushes: everybody’s',
  reply: listOf(DeviceView),
})

export const removeDevice = endpoint({
  ...own,
  method: 'DELETE',
  path: `${PATH}/devices/{id}`,
  summary: 'Push to a device no more, one’s own or as an owner anybody’s; it stands for its operator no more',
  params: IdParam,
  reply: Done,
})

export interface PushNeeds<Who> {
  readonly channels: Channels
  readonly people: People
  readonly actorOf: (who: Who) => Actor
  /** Throws Problem `caller_refused` for anybody but an operator. */
  readonly operatorOf: (who: Who) => OperatorPrincipal
  /** Counts one try of somebody who is not signed in, from this address. Throws Problem `rate_limited`. */
  readonly limit: (address: string) => void
}

export function pushRoutes<Who>({ channels, people, ...needs }: PushNeeds<Who>): BoundEndpoint<Who>[] {
  const by = (caller: unknown) => needs.actorOf(caller as Who)
  const who = (caller: unknown) => needs.operatorOf(caller as Who)
  const view = (device: Device, here: Device | undefined): DeviceView => {
    const { id, name, operator: owner, endpoint: at, createdAt } = device
    const operator = people.room.identity.directory.operator(owner)?.name ?? owner
    return { id, name, operator, service: hostOf(at), here: id === here?.id, createdAt }
  }
  return [
    ...renewRoutes<Who>({ channels, people, limit: needs.limit }),
    bind(startPush, async ({ caller }) => {
      sessionOf(who(caller))
      return { publicKey: (await channels.push(by(caller))).account }
    }),
    bind(addDevice, async ({ body, caller }) => {
      const { operator } = sessionOf(who(caller))
      await channels.push(by(caller))
      const cookie = toBase64url(randomBytes(32))
      const device = await channels.devices.add(body, operator, hashOf(people, cookie), by(caller))
      return new Answer(view(device, device), setDeviceCookie(cookie))
    }),
    bind(listDevices, ({ caller, rawHeaders }) => {
      const here = deviceOf({ channels, people }, who(caller), rawHeaders)
      return { items: channels.devices.list().map((device) => view(device, here)) }
    }),
    bind(removeDevice, async ({ params, caller }) => {
      const { id, operator } = channels.devices.find(params.id)
      refuseUnlessOwn(who(caller), operator)
      await channels.devices.remove(id, 'removed', by(caller))
      return done
    }),
  ]
}

/** The device that a request comes from, if it is one of whoever is signed in. */
export function deviceOf(
  { channels, people }: Pick<PushNeeds<unknown>, 'channels' | 'people'>,
  { id, session }: OperatorPrincipal,
  rawHeaders: readonly string[],
): Device | undefined {
  if (session === undefined || session.recovery) return undefined
  const device = deviceByCookie({ channels, people }, rawHeaders)
  return device?.operator === id ? device : undefined
}
