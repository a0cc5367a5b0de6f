/**
 * A vendor answered 401 for a key. A bot can bring that about by what it asks, so one bot alone loses the key, and the gateway asks
 * the vendor itself, with nothing of the bot's: where that is answered 401 too, or another bot met with it, or no other bot may use
 * the key, it is set aside for all. An answer of 2xx clears nobody: some vendors list their models to everybody.
 */
import type { Clock } from '../ground/clock.ts'
import type { AgentId, CredentialId } from '../ground/ids.ts'
import { DOOR, type Key, type LlmApi } from '../llm/contract.ts'
import { DOUBT_MS, REST_MS } from '../llm/key-ring.ts'
import type { Llm } from '../llm/llm.ts'
import type { Actor } from '../storage/storage.ts'
import type { AskOptions, CredentialChecks, PlainAsk } from './check-credential.ts'
import { isOpenTo } from './llm-bots.ts'

const SYSTEM: Actor = { kind: 'system', id: 'llm' }
const ASK: AskOptions = { door: DOOR, waitMs: 15_000 }
/** However often bots are refused. */
const ASK_EVERY_MS = 60_000
const NO_HEADERS = Object.freeze({})
/** What an API wants to hear beside the key. */
const HEADERS: Partial<Readonly<Record<LlmApi, Readonly<Record<string, string>>>>> = {
  'anthropic-messages': { 'anthropic-version': '2023-06-01' },
}

export interface RefusedKeysNeeds {
  readonly llm: Llm
  readonly clock: Clock
  readonly checks: Pick<CredentialChecks, 'statusOf'>
  readonly onTrouble: (error: unknown) => void
}

export class RefusedKeys {
  readonly #needs: RefusedKeysNeeds
  /** When the vendor was asked last. */
  readonly #asked = new Map<CredentialId, number>()

  constructor(needs: RefusedKeysNeeds) {
    this.#needs = needs
  }

  /** At once the bot is not given it any more. */
  refused(key: Key, agent: AgentId): void {
    const { llm, clock, onTrouble } = this.#needs
    const isAlone = !llm.bots().some((bot) => bot.agent !== agent && isOpenTo(bot, key.vendor, key.tag))
    if (llm.keys.isDoubted(key.id, agent) || isAlone) {
      llm.setAside(key.id, 401)
      return
    }
    llm.keys.holdFrom(key.id, agent, DOUBT_MS)
    const now = clock.mono()
    if ((this.#asked.get(key.id) ?? -ASK_EVERY_MS) > now - ASK_EVERY_MS) return
    for (const [id, at] of this.#asked) if (at <= now - ASK_EVERY_MS) this.#asked.delete(id)
    this.#asked.set(key.id, now)
    this.#ask(key, agent).catch(onTrouble)
  }

  async #ask({ id, vendor: name }: Key, agent: AgentId): Promise<void> {
    const { llm, checks } = this.#needs
    const vendor = llm.vendor(name)
    if (vendor === undefined) return
    const status = await checks.statusOf(id, listOfModels(vendor), ASK, SYSTEM)
    // What is refused after that is another secret, or was looked at.
    if (status === 401) this.#asked.delete(id)
    // Meanwhile another bot may have met with it, or an operator taken it back or away.
    if (!llm.keys.heldFrom(id).includes(agent)) return
    if (status === 401) llm.setAside(id, status)
    else if (status !== undefined && status < 300) llm.keys.holdFrom(id, agent, REST_MS)
  }
}

function listOfModels({ api, basePath }: { readonly api: LlmApi; readonly basePath: string }): PlainAsk {
  const path = api === 'anthropic-messages' ? `${basePath}/v1/models` : `${basePath}/models`
  return { method: 'GET', path, headers: HEADERS[api] ?? NO_HEADERS }
}
