// One thing that an import of a whole installation brings over, or does not: what is said of it, and how it is done. Data and closures.
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

type Kind =
  | ('service' | 'credential' | 'connection' | 'skill token' | 'grant' | 'webhook' | 'setting' | 'rest')
  | ('revocation' | 'secret' | 'agent' | 'log')

export interface Item {
  readonly what: Kind
  readonly name: string
  /** `bring`: is done with --write. `known`: is here already. `leave`: stays where it is, and why says why. */
  readonly action: 'bring' | 'known' | 'leave'
  readonly why?: string | undefined
  /** Facts for people and programs; never secret. */
  readonly facts?: Readonly<Record<string, unknown>>
  /** Present where there is something to do. */
  readonly bring?: (bringing: Bringing) => Promise<Brought>
  /** Where it cannot be done nothing after it is: what takes authority away goes before what gives it. */
  readonly first?: true
  /** It should have come over, and cannot. */
  readonly failed?: true
}

export const leave = (what: Item['what'], name: string, why: string, more: Partial<Item> = {}): Item => {
  return { what, name, action: 'leave', why, ...more }
}
