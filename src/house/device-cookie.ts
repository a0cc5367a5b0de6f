// The cookie by which a browser that takes pushes is known again. It opens nothing: browsers send those of `localhost` to every port.
import type { Channels } from '../approvals/channels/channels.ts'
import type { Device } from '../approvals/channels/push/contract.ts'
import { storedForm } from '../crypto/tokens.ts'
import { cookieOf } from '../identity/people/page-guard.ts'
import type { People } from '../identity/people/people.ts'

const COOKIE = '__Host-clv-device'
/** As long as browsers keep one. */
const COOKIE_SECONDS = 400 * 86_400

export interface DeviceRooms {
  readonly channels: Channels
  readonly people: People
}

export function setDeviceCookie(cookie: string): Readonly<Record<string, string>> {
  const kept = 'Path=/; Secure; HttpOnly; SameSite=Strict'
  return { 'set-cookie': `${COOKIE}=${cookie}; Max-Age=${COOKIE_SECONDS}; ${kept}` }
}

/** The device whose cookie a request shows, whoever sends it. */
export function deviceByCookie({ channels, people }: DeviceRooms, rawHeaders: readonly string[]): Device | undefined {
  const cookie = cookieOf({ rawHeaders: [...rawHeaders] }, COOKIE)
  return cookie === undefined ? undefined : channels.devices.byToken(hashOf(people, cookie))
}

/** As it is kept. */
export const hashOf = (people: People, cookie: string): string =>
  storedForm(people.room.pepper(), 'push-device', cookie).toString('hex')
