// What is sent, and how it waits on the disk: sealed, so that the file tells nobody what happened, and nobody who can write
// to it has words of his own signed.
import { createHash, type KeyObject } from 'node:crypto'
import { open, seal } from '../crypto/aead.ts'
import { domain, lp } from '../crypto/framing.ts'
import { base62 } from '../ground/base62.ts'
import { newId } from '../ground/ids.ts'
import type { EventData } from './contract.ts'

/** An event as it waits. `owners`: whose endpoints it goes to. */
export interface WaitingEvent {
  readonly body: string
  readonly owners: readonly string[]
}

/** Larger than what a receiver must be ready for; nothing of ours comes near. */
const MAX_BODY_BYTES = 16 * 1024

const AAD = domain('alert-event')
const ID = domain('alert-id')

/** The documented envelope: `{id, event, timestamp, data}`, the time in whole seconds. */
export function envelope(id: string, event: string, at: number, data: EventData): string {
  const timestamp = `${new Date(at).toISOString().slice(0, 19)}Z`
  const body = JSON.stringify({ id, event, timestamp, data })
  if (Buffer.byteLength(body) <= MAX_BODY_BYTES) return body
  return JSON.stringify({ id, event, timestamp, data: { truncated: true } })
}

/** A new id; the same for the same cause in the same database, so that what is told twice is sent under one id. */
export function eventId(instanceId: string, cause: string | undefined): string {
  if (cause === undefined) return newId('evt')
  const hash = createHash('sha256').update(ID).update(lp(instanceId)).update(lp(cause)).digest()
  return ['evt', base62(hash.subarray(0, 16), 22)].join('_')
}

export function sealEvent(key: KeyObject, id: string, event: WaitingEvent): Buffer {
  return seal(key, aad(id), Buffer.from(JSON.stringify(event)))
}

/** Undefined if it is not what was sealed for this id. */
export function openEvent(key: KeyObject, id: string, sealed: Uint8Array): WaitingEvent | undefined {
  const plain = open(key, aad(id), sealed)
  return plain && (JSON.parse(plain.toString('utf8')) as WaitingEvent)
}

function aad(id: string): Buffer {
  return Buffer.concat([AAD, lp(id)])
}
