import type { Clock } from '../../ground/clock.ts'
import type { Secret } from '../../ground/secret.ts'
import type { Client, ClientOf } from '../../http/client-address.ts'
import type { RateTable } from '../../identity/sign-ins/rate-table.ts'
import type { BotBudget, BotLimits } from '../../llm/contract.ts'
import type { Ledger } from '../../llm/ledger.ts'
import type { Llm } from '../../llm/llm.ts'

/** What the admin door translates to. */
export interface AdminNeeds {
  readonly llm: Llm
  readonly clock: Clock
  readonly clientOf: ClientOf
  /** Requests from one address. */
  readonly requests: RateTable
  /** Throws Problem `llm_admin_missing`, `llm_admin_refused`, `llm_flood`. */
  readonly checkAdmin: (presented: string | undefined, client: Client) => void
  /** Gives the key's id. */
  readonly addKey: (key: {
    vendor: string
    secret: Secret
    label?: string | undefined
    tag?: string | undefined
    region?: string | undefined
  }) => Promise<string>
  readonly removeKey: (id: string) => Promise<void>
  readonly addBot: (bot: { name: string; hostname: string; tagsText: string | undefined }) => Promise<string>
  readonly changeBot: (name: string, limits: BotLimits) => Promise<unknown>
  /** What a bot may use in all, in the place of what it had; null: no budget. */
  readonly setBudget: (name: string, budget: BotBudget | null) => Promise<void>
  readonly usage: Ledger['usage']
  readonly keyHandle: (id: string) => string
  readonly removeBot: (name: string) => Promise<void>
  readonly renewToken: (name: string) => Promise<string>
}
