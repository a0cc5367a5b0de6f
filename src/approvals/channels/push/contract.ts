/** The promise of pushes: data only. */
import { z } from 'zod'
import { fromBase64url } from '../../../crypto/base64url.ts'
import type { Id, OperatorId } from '../../../ground/ids.ts'

export type DeviceId = Id<'psh'>

/** A browser of an operator that takes pushes, and is known again by a cookie. */
export interface Device {
  readonly id: DeviceId
  readonly operator: OperatorId
  readonly name: string
  /** Where it is reached. Nobody is shown more of it than its host: who knows it can send there. */
  readonly endpoint: string
  /** base64url, as the browser gave them. */
  readonly p256dh: string
  readonly auth: string
  /** Hex, keyed hash of its cookie. */
  readonly token: string
  readonly createdAt: number
}

/** In the place of a cookie's hash: a page of another system's client subscribed. No cookie has it. */
export const DOOR_TOKEN = 'door'

const bytesOf = (bytes: number) =>
  z
    .string()
    .refine(
      (text) => text.length <= 200 && fromBase64url(unpadded(text))?.length === bytes,
      `${bytes} bytes in base64url are wanted`,
    )

/** Some clients pad. */
export const unpadded = (text: string): string => text.replace(/={1,2}$/, '')

/** As `PushSubscription.toJSON()` gives it (W3C Push API), and what to call the device. */
export const NewDevice = z.strictObject({
  endpoint: z.string().min(1).max(2_048),
  expirationTime: z.number().nullable().optional(),
  keys: z.strictObject({ p256dh: bytesOf(65), auth: bytesOf(16) }),
  name: z.string().trim().min(1).max(64),
})
export type NewDevice = z.output<typeof NewDevice>

export const DeviceView = z.object({
  id: z.string(),
  name: z.string(),
  operator: z.string(),
  /** Host of the service that carries pushes to it. */
  service: z.string(),
  /** The one that asks. */
  here: z.boolean(),
  createdAt: z.int(),
})
export type DeviceView = z.output<typeof DeviceView>
