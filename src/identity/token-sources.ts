// Where a token may be shown: whoever steals one and is elsewhere has nothing.
import { z } from 'zod'
import { setHolds } from '../ground/address-text.ts'
import { type AddressSet, addressSet } from '../ground/addresses.ts'
import type { Migration } from '../storage/migrations.ts'

export interface TokenSources {
  /** As it is stored: what was given, with a space between. */
  readonly text: string
  readonly addresses: AddressSet
  /** It may come by the Unix socket that was opened for it alone. */
  readonly ownSocket: boolean
}

/** What is known of where a request came from. */
export interface CameBy {
  /** In the one spelling of ground/address-text.ts. */
  readonly address: string
  readonly unixSocket: boolean
  /** Id of the token whose own socket it came by. */
  readonly socketOf?: string | undefined
  /** It came where others than the one agent may come. */
  readonly atBridge?: boolean | undefined
}

const OWN_SOCKET = 'socket'

/** `socket`, or an address or range as addressSet() takes it. A range of all addresses would bind nothing. */
export const Source = z
  .string()
  .max(64)
  .refine((text) => text === OWN_SOCKET || isRange(text), {
    error: 'socket, an address such as 10.1.2.3 or a range such as 10.1.0.0/16 is wanted',
  })

function isRange(text: string): boolean {
  try {
    return addressSet([text]).ranges.every(({ bits }) => bits > 0)
  } catch {
    return false
  }
}

export function writeSources(from: readonly string[]): string {
  return [...new Set(from)].join(' ')
}

/** What cannot be read holds no address: such a token is shown nowhere. */
export function readSources(stored: string | null | undefined): TokenSources | undefined {
  if (stored === null || stored === undefined) return undefined
  const items = stored.split(' ')
  const ranges = items.filter((item) => item !== OWN_SOCKET && isRange(item))
  return { text: stored, addresses: addressSet(ranges), ownSocket: items.includes(OWN_SOCKET) }
}

interface ShownToken {
  readonly id: string
  /** Of opaque tokens alone. */
  readonly sources?: TokenSources | undefined
  /** Of signed tokens: thumbprint of the key that each use must prove. */
  readonly jkt?: string | undefined
}

/** Whether what came there may show this token. What comes by a token's own socket shows that one and no other. */
export function mayShow(token: ShownToken, came: CameBy): boolean {
  if (came.socketOf !== undefined) return came.socketOf === token.id && token.sources?.ownSocket === true
  const { sources } = token
  if (sources === undefined && came.atBridge === true) return token.jkt !== undefined
  return sources === undefined || (!came.unixSocket && setHolds(sources.addresses, came.address))
}

export const sourcesMigration: Migration = {
  id: '0073-token-sources',
  up: (db) => db.schema.alterTable('tokens').addColumn('sources', 'text').execute(),
}
