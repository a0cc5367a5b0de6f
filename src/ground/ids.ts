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
