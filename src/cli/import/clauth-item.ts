// One thing that an import from Clauth brings over, or does not: what is said of it, and how it is done. Data and closures.
import type { GatewayClient } from '../client.ts'
import type { Journal } from './journal.ts'
import type { KnownSecrets } from './known-secrets.ts'

export interface Bringing {
  readonly client: GatewayClient
  readonly journal: Journal
  readonly known: KnownSecrets
  readonly home: string
}

/** What is to be said of it afterwards, where that is not what was said before. */
export type Brought = Partial<Pick<Item, 'action' | 'why'>>

export interface Item {
  readonly what: 'service' | 'credential' | 'connection' | 'skill token' | 'grant' | 'webhook' | 'setting' | 'rest'
  readonly name: string
  /** `bring`: is done with --write. `known`: is here already. `leave`: stays where it is, and why says why. */
  readonly action: 'bring' | 'known' | 'leave'
  readonly why?: string | undefined
  /** Facts for people and programs; never secret. */
  readonly facts?: Readonly<Record<string, unknown>>
  /** Present where there is something to do. */
  readonly bring?: (bringing: Bringing) => Promise<Brought>
  /** It should have come over, and cannot. */
  readonly failed?: true
}

export const leave = (what: Item['what'], name: string, why: string, more: Partial<Item> = {}): Item => {
  return { what, name, action: 'leave', why, ...more }
}
