import { createHash } from 'node:crypto'
import type { Clock } from '../../../ground/clock.ts'
import { newId, type OperatorId } from '../../../ground/ids.ts'
import type { Actor, Change, Storage, Tx } from '../../../storage/storage.ts'
import { channelProblem, type Person } from '../contract.ts'
import { type Device, type DeviceId, type NewDevice, unpadded } from './contract.ts'
import { loadDevices, putDevice, removeDevice } from './device-store.ts'
import { encryptPush } from './encrypt.ts'
import { type OwnPushService, type PushPlace, placeOf } from './push-places.ts'

export interface DevicesOptions {
  readonly storage: Storage
  readonly clock: Clock
  /** Services that the gateway's operator named. */
  readonly services: readonly OwnPushService[]
  readonly isOperator: (operator: OperatorId) => boolean
}

/** What followers of a change get. */
type DeviceChange = { readonly put: Device } | { readonly removed: readonly DeviceId[] }

const KIND = 'push_device'
const MOST_OF_ONE = 10

/**
 * Browsers that take pushes.
 *
 * Owns: the table `push_devices`. Invariant: a device is one operator's, reached at a service that pushes may go to, and
 * known again by a cookie of which the database has a keyed hash. Being one makes nobody an operator: a session does.
 */
export class Devices {
  readonly #options: DevicesOptions
  readonly #known = new Map<DeviceId, Device>()

  constructor(options: DevicesOptions) {
    this.#options = options
    options.storage.follow((change) => this.#follow(change))
  }

  async load(): Promise<{ bad: readonly string[] }> {
    const { devices, bad } = await loadDevices(this.#options.storage)
    this.clear()
    for (const device of devices) this.#known.set(device.id, device)
    return { bad }
  }

  clear(): void {
    this.#known.clear()
  }

  /** The oldest first. */
  list(): Device[] {
    return [...this.#known.values()].sort((one, other) => one.createdAt - other.createdAt)
  }

  /** As those whom a channel reaches. */
  people(): Person[] {
    return this.list().map(({ id, operator }) => ({ user: id, place: id, operator }))
  }

  get(id: string): Device | undefined {
    return this.#known.get(id as DeviceId)
  }

  /** Throws Problem `device_unknown`. */
  find(id: string): Device {
    const known = this.get(id)
    if (known === undefined) throw channelProblem('device_unknown')
    return known
  }

  byToken(token: string): Device | undefined {
    return [...this.#known.values()].find((device) => device.token === token)
  }

  /**
   * Keeps one, in place of whatever was known at the same address: a browser has one there, whoever uses it now. `token`:
   * the stored form of its cookie. Throws Problems `push_service_unknown`, `push_key_invalid`, `device_limit`.
   */
  async add(input: NewDevice, operator: OperatorId, token: string, by: Actor): Promise<Device> {
    const { storage, clock } = this.#options
    const { endpoint, name, keys } = input
    this.placeOf({ endpoint, operator })
    const [p256dh, auth] = [unpadded(keys.p256dh), unpadded(keys.auth)]
    refuseBadKey(p256dh, auth)
    const device: Device = {
      ...{ id: newId('psh'), operator, name, endpoint, p256dh, auth, token },
      createdAt: clock.now(),
    }
    await storage.write(async (tx) => {
      const before = this.list().filter((one) => one.endpoint === endpoint)
      const mine = this.list().filter((one) => one.operator === operator && one.endpoint !== endpoint)
      if (mine.length >= MOST_OF_ONE) throw channelProblem('device_limit')
      for (const { id } of before) await removeDevice(tx, id)
      await putDevice(tx, device)
      const removed: DeviceChange = { removed: before.map(({ id }) => id) }
      const put: DeviceChange = { put: device }
      for (const old of before) await noted(tx, 'replaced', old, by, removed)
      await noted(tx, 'added', device, by, put)
    })
    return device
  }

  /**
   * The same device at another address, as its browser subscribed anew; in place of whatever was known there. Throws Problems
   * `push_service_unknown`, `push_key_invalid`, `device_unknown`.
   */
  async renew(known: Device, { endpoint, keys }: Pick<NewDevice, 'endpoint' | 'keys'>, by: Actor): Promise<void> {
    const [p256dh, auth] = [unpadded(keys.p256dh), unpadded(keys.auth)]
    const device: Device = { ...known, endpoint, p256dh, auth }
    this.placeOf(device)
    refuseBadKey(p256dh, auth)
    await this.#options.storage.write(async (tx) => {
      // Asked of the transaction: it may be gone, or renewed by another, meanwhile.
      if (this.get(known.id)?.endpoint !== known.endpoint) throw channelProblem('device_unknown')
      const others = this.list().filter((one) => one.endpoint === endpoint && one.id !== known.id)
      const removed: DeviceChange = { removed: others.map(({ id }) => id) }
      for (const { id } of others) await removeDevice(tx, id)
      for (const other of others) await noted(tx, 'replaced', other, by, removed)
      await putDevice(tx, device)
      await noted(tx, 'renewed', device, by, { put: device })
    })
  }

  /**
   * Where a push to it may go. A service that the gateway's operator named is inside, and for operators: members are reached at
   * those that everybody knows. Asked for each push anew. Throws Problem `push_service_unknown`.
   */
  placeOf({ endpoint, operator }: Pick<Device, 'endpoint' | 'operator'>): PushPlace {
    const { services, isOperator } = this.#options
    return placeOf(endpoint, isOperator(operator) ? services : [])
  }

  /** `why`: who or what took it away. Gone already is gone. */
  async remove(id: DeviceId, why: 'removed' | 'gone', by: Actor): Promise<void> {
    const { storage } = this.#options
    await storage.write(
      async (tx) => {
        const device = this.get(id)
        if (device === undefined) return
        await removeDevice(tx, id)
        await noted(tx, why, device, by, { removed: [id] })
      },
      { urgent: true },
    )
  }

  /** Of a channel that is removed: their subscriptions are bound to its key. */
  async removeAllInto(tx: Tx, by: Actor): Promise<void> {
    for (const device of this.list()) {
      await removeDevice(tx, device.id)
      await noted(tx, 'removed', device, by, { removed: [device.id] })
    }
  }

  #follow({ kind, after }: Change): void {
    if (kind !== KIND) return
    const change = after as DeviceChange
    if ('put' in change) this.#known.set(change.put.id, change.put)
    else for (const id of change.removed) this.#known.delete(id)
  }
}

async function noted(tx: Tx, word: string, device: Device, by: Actor, after: DeviceChange): Promise<void> {
  const { id, operator, endpoint } = device
  const ev = { what: `push.device_${word}`, device: id, operator, service: hostOf(endpoint) }
  const type = word === 'added' || word === 'renewed' ? 'config' : 'revoke'
  await tx.change({ kind: KIND, ref: id, after, record: { type, actor: by, ev } })
}

export const hostOf = (endpoint: string): string => new URL(endpoint).hostname

/** A key that nothing can be encrypted for must not be found out when it matters. */
function refuseBadKey(p256dh: string, auth: string): void {
  try {
    encryptPush(Buffer.from('x'), { p256dh: Buffer.from(p256dh, 'base64url'), auth: Buffer.from(auth, 'base64url') })
  } catch {
    throw channelProblem('push_key_invalid')
  }
}

/** Names a message to a push service, which is told nothing by it (RFC 8030 §5.4: 32 characters at most). */
export const topicOf = (approval: string): string =>
  createHash('sha256').update(`claviger/push-topic/v1\0${approval}`).digest('base64url').slice(0, 32)
