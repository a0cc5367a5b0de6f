// How the ClawAuth classes talk: the door's paths and its error shape.
import type { Fetch } from '../platform.ts'
import { type Asked, Wire } from '../wire.ts'

/** The gateway's own port. A service key is never sent to a host that nobody named. */
const BASE_URL = 'http://127.0.0.1:4317'

export interface DoorOptions {
  /** `http://127.0.0.1:4317` if left out. */
  readonly baseUrl?: string
  readonly fetch?: Fetch
}

export function doorTo({ baseUrl = BASE_URL, fetch }: DoorOptions): Wire {
  return new Wire({ baseUrl, fetch })
}

export function bearing(token: string, asked: Asked): Asked {
  return { ...asked, headers: { authorization: `Bearer ${token}` } }
}
