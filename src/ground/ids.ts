import { randomBytes } from 'node:crypto'
import { base62 } from './base62.ts'

declare const brand: unique symbol
/** A string that says what it names, so that an agent's id cannot be passed where a service's is wanted. */
export type Id<Prefix extends string> = string & { readonly [brand]: Prefix }

export type AgentId = Id<'agent'>
export type OperatorId = Id<'op'>
export type ServiceId = Id<'srv'>
export type CredentialId = Id<'crd'>
export type GrantId = Id<'grt'>
export type TokenId = Id<'tok'>
export type KeyId = Id<'key'>
export type SessionId = Id<'ses'>
export type CallId = Id<'call'>

/** A new id: prefix, `_`, 22 base62 characters from 16 random bytes. */
export function newId<Prefix extends string>(prefix: Prefix): Id<Prefix> {
  // join() makes one flat string; `+` would keep the pieces, some 600 bytes an id, for as long as the id lives.
  return [prefix, base62(randomBytes(16), 22)].join('_') as Id<Prefix>
}

const TIME_BYTES = 6

/**
 * A new id of the same form that sorts by when it was made (ms since 1970): 48 bits of time, then 80 random ones, as in
 * UUIDv7 (RFC 9562 §5.7). For rows that come by the thousand: a batch of them lands on one page of the table, random ones on
 * as many pages as there are rows. It tells when it was made, so it is not for what must not say that.
 */
export function newOrderedId<Prefix extends string>(prefix: Prefix, now: number): Id<Prefix> {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(now, 0, TIME_BYTES)
  return [prefix, base62(bytes, 22)].join('_') as Id<Prefix>
}

/** What sorts before every ordered id made at `now` or later, and after every one made before. */
export function firstIdAt(prefix: string, now: number): string {
  const bytes = Buffer.alloc(16)
  bytes.writeUIntBE(now, 0, TIME_BYTES)
  return `${prefix}_${base62(bytes, 22)}`
}
