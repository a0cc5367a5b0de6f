import type { IncomingMessage } from 'node:http'
import type { AgentId } from '../../ground/ids.ts'
import type { ClientOf } from '../../http/client-address.ts'
import type { BotTokens } from '../../identity/doors/bot-tokens.ts'
import type { RateTable } from '../../identity/sign-ins/rate-table.ts'
import type { Key } from '../../llm/contract.ts'
import type { Llm } from '../../llm/llm.ts'
import type { CallingAgent, CarriedCall } from '../../proxy/carry-out.ts'

/** What the data door translates to. It has no rule of its own. */
export interface DataNeeds {
  readonly llm: Llm
  readonly tokens: BotTokens
  /** Who comes with a token of the gateway's own. Throws Problems. */
  readonly callingAgent: (request: IncomingMessage) => CallingAgent
  readonly carry: (call: CarriedCall) => Promise<void>
  readonly clientOf: ClientOf
  /** Requests from one address. */
  readonly requests: RateTable
  /** The vendor answered 401 where nothing but the bot or the key can be meant. */
  readonly keyRefused: (key: Key, agent: AgentId) => void
  readonly noteUnknown: () => void
  /** What is refused before the gate was asked is on record too. */
  readonly noteDenied: (rid: string, principal: CallingAgent['principal'], code: string) => void
  /** Whether calls to the service carry a credential. */
  readonly wantsKey: (service: string) => boolean
  /** Whether Ollama's whole answers are made into events. */
  readonly ollamaEvents: boolean
  readonly isThere: (service: string) => boolean
  readonly nextRid: () => string
  readonly now: () => number
}
