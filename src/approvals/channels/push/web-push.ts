// Pushes to browsers (RFC 8030). What is sent says that something waits, and its id: what it is about is read in the page,
// by whoever is signed in there.
import type { Clock } from '../../../ground/clock.ts'
import type { Secret } from '../../../ground/secret.ts'
import type { Outbound, OutboundAnswer } from '../../../http/outbound.ts'
import type { Actor } from '../../../storage/storage.ts'
import type { Approval } from '../../contract.ts'
import { channelProblem, type Notice, type Person, type Question, type Way } from '../contract.ts'
import { type Device, DOOR_TOKEN } from './contract.ts'
import { type Devices, topicOf } from './devices.ts'
import { encryptPush } from './encrypt.ts'
import { vapidHeader } from './vapid.ts'

export interface WebPushOptions {
  readonly clock: Clock
  readonly outbound: Outbound
  /** Whom a push service may write to: `mailto:` or `https:`. */
  readonly contact: string | undefined
  readonly devices: Devices
  /** Of the channel: what its devices subscribed with. */
  readonly publicKey: string
  /** Opened for each push and wiped after it. */
  readonly privateKey: () => Secret
}

interface Push {
  readonly payload: Readonly<Record<string, unknown>>
  /** How long the service keeps it for a device that is away. */
  readonly ttlSeconds: number
  readonly urgency: 'high' | 'low'
  readonly topic?: string
}

const SYSTEM: Actor = { kind: 'system', id: 'claviger' }
/** All are of one length. */
const PAYLOAD_BYTES = 128
/** An answer is told to devices that are there. To one that slept meanwhile it says nothing: it takes the place of the question. */
const OVER_TTL_SECONDS = 60
const MOST_RETRY_SECONDS = 600

/** Answers are given in the page, so there is nothing to listen for. */
export class WebPush implements Way {
  readonly taps = false
  readonly #options: WebPushOptions

  constructor(options: WebPushOptions) {
    this.#options = options
  }

  start(): void {}

  stop(): void {}

  async ask(person: Person, { approval }: Question): Promise<{ message: string; dated: number } | undefined> {
    const device = this.#options.devices.get(person.user)
    if (device === undefined) return undefined
    const { id, expiresAt } = approval
    const now = this.#options.clock.now()
    const ttlSeconds = Math.max(1, Math.ceil((expiresAt - now) / 1_000))
    const topic = topicOf(id)
    const payload = device.token === DOOR_TOKEN ? { requestId: id } : { id }
    const there = await this.#send(device, { payload, ttlSeconds, urgency: 'high', topic })
    return there ? { message: topic, dated: now } : undefined
  }

  /** Takes the place of the question where that was not delivered yet, and on the screen where it was. */
  async tell({ user, message }: Notice, { id }: Approval): Promise<void> {
    const device = this.#options.devices.get(user)
    // Their pages know of requests alone.
    if (device === undefined || device.token === DOOR_TOKEN) return
    const payload = { id, over: true }
    await this.#send(device, { payload, ttlSeconds: OVER_TTL_SECONDS, urgency: 'low', topic: message })
  }

  async say({ user }: Person): Promise<void> {
    const device = this.#options.devices.get(user)
    const push = { payload: { test: true }, ttlSeconds: 60, urgency: 'high' } as const
    if (device === undefined || !(await this.#send(device, push))) throw channelProblem('device_unknown')
  }

  /** False for a device that is no more: it is forgotten. */
  async #send(device: Device, push: Push): Promise<boolean> {
    const { outbound, devices, clock, contact, publicKey, privateKey } = this.#options
    const place = devices.placeOf(device)
    const about = { publicKey, origin: place.audience, contact }
    const authorization = await vapidHeader(privateKey(), about, clock.now())
    const answer = await outbound({
      kind: 'push',
      method: 'POST',
      url: device.endpoint,
      pinned: place.pinned,
      allowed: place.allowed,
      headers: { ...headersOf(push), authorization },
      body: encryptPush(Buffer.from(JSON.stringify(push.payload)), keysOf(device), PAYLOAD_BYTES),
      statusOnly: true,
    })
    if (answer.status >= 200 && answer.status < 300) return true
    if (answer.status !== 404 && answer.status !== 410) throw refusedWith(answer)
    await devices.remove(device.id, 'gone', SYSTEM)
    return false
  }
}

function headersOf({ ttlSeconds, urgency, topic }: Push): Record<string, string> {
  const about = { ttl: String(ttlSeconds), urgency, ...(topic !== undefined && { topic }) }
  return { 'content-type': 'application/octet-stream', 'content-encoding': 'aes128gcm', ...about }
}

const keysOf = ({ p256dh, auth }: Device) => ({
  p256dh: Buffer.from(p256dh, 'base64url'),
  auth: Buffer.from(auth, 'base64url'),
})

/** Tried again where it may pass; the service says when. */
function refusedWith({ status, headers }: OutboundAnswer) {
  const passing = status === 429 || status >= 500
  const after = Number(headers['retry-after'])
  const retryAfterSeconds = Number.isInteger(after) && after > 0 ? Math.min(after, MOST_RETRY_SECONDS) : undefined
  const facts = { status, ...(passing && retryAfterSeconds !== undefined && { retryAfterSeconds }) }
  return channelProblem(passing ? 'channel_unreachable' : 'channel_refused', { facts })
}
