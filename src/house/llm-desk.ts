/**
 * What it takes to care for LLM keys and bots: keys are credentials of the vendor's service, bots are agents, and what a bot
 * may use it has grants on that count at this door alone: one for each key, so that the gate knows of tags too.
 */
import { type AgentId, type CredentialId, newId } from '../ground/ids.ts'
import type { Secret } from '../ground/secret.ts'
import { addAgentInto, newAgentRow } from '../identity/agents.ts'
import { BotTokens } from '../identity/doors/bot-tokens.ts'
import {
  type Bot,
  type BotBudget,
  type BotLimits,
  DOOR,
  KEY_META,
  type Key,
  LABEL_META,
  llmProblem,
  REGION_META,
  TAG_META,
  type Vendor,
} from '../llm/contract.ts'
import { readTags } from '../llm/read-tags.ts'
import { budgetOf } from '../llm/use-routes.ts'
import type { Rooms } from '../rooms.ts'
import type { Service } from '../services/contract.ts'
import type { Actor, Tx } from '../storage/storage.ts'
import { botAgentName } from './bot-agent-name.ts'
import { budgetsOf, changedBot, isOpenTo } from './llm-bots.ts'
import { ensureService } from './llm-service.ts'

export interface NewKey {
  readonly vendor: string
  readonly secret: Secret
  readonly label?: string | undefined
  readonly tag?: string | undefined
  /** Where its vendor has several; the usual one where nothing is said. */
  readonly region?: string | undefined
  /** What it is called; by its vendor, and which of its keys it is, where nothing is said. */
  readonly handle?: string | undefined
}

export interface NewBot {
  readonly name: string
  readonly hostname?: string | undefined
  /** As they are kept: JSON. */
  readonly tagsText?: string | undefined
  readonly limits?: BotLimits | undefined
  /** Id or name of an agent that is there; one is made where none is said. */
  readonly agent?: string | undefined
  /** SHA-256 of the token that it has already; a new one is made where none is said, and where it has no other agent. */
  readonly tokenHash?: Buffer | undefined
}

const desks = new WeakMap<Rooms, LlmDesk>()

/** The one there is: its changes are made one after the other. */
export function deskOf(rooms: Rooms): LlmDesk {
  const desk = desks.get(rooms) ?? new LlmDesk(rooms)
  desks.set(rooms, desk)
  return desk
}

class LlmDesk {
  readonly tokens: BotTokens
  readonly #rooms: Rooms
  /** One change at a time: each rests on what the one before it left in memory. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(rooms: Rooms) {
    this.#rooms = rooms
    this.tokens = new BotTokens(rooms.identity.room)
  }

  /** Throws Problem `llm_vendor_unknown`, `llm_region_unknown` and what the vault says of a secret. Gives the key's handle. */
  addKey(asked: NewKey, by: Actor): Promise<string> {
    return this.#inTurn(() => this.#addKey(asked, by))
  }

  async #addKey(asked: NewKey, by: Actor): Promise<string> {
    const { storage, vault, llm } = this.#rooms
    const vendor = this.#vendor(asked.vendor)
    const { secret, tag, label, region, handle = this.#freeHandle(vendor.id) } = asked
    const service = await ensureService(this.#rooms, vendor, region, by)
    const said = { [TAG_META]: tag, [LABEL_META]: label, [REGION_META]: region }
    const meta = { [KEY_META]: vendor.id }
    for (const [name, value] of Object.entries(said)) if (value) Object.assign(meta, { [name]: value })
    const input = { handle, service: service.id, origins: service.originHrefs, secret, meta }
    await storage.write(async (tx) => {
      const { id } = await vault.store(input, by, tx)
      for (const bot of llm.bots()) {
        if (isOpenTo(bot, vendor.id, tag)) await this.#give(tx, bot.agent, service, id as CredentialId, by)
      }
    })
    return handle
  }

  /** Throws Problem `llm_key_unknown`. What runs with the key ends. */
  removeKey(handle: string, by: Actor): Promise<void> {
    return this.#inTurn(() => this.#removeKey(handle, by))
  }

  async #removeKey(handle: string, by: Actor): Promise<void> {
    const { storage, vault, grants } = this.#rooms
    const key = this.key(handle)
    await storage.write(
      async (tx) => {
        await vault.remove(key.id, by, tx)
        await grants.revokeOfCredential(key.id, by, tx)
      },
      { urgent: true },
    )
  }

  /** By its handle or id, or by a label that no other key has. Throws Problem `llm_key_unknown`. */
  key(name: string): Key {
    const keys = this.#rooms.llm.keys.all()
    const found = keys.find(({ handle, id }) => handle === name || id === name)
    if (found !== undefined) return found
    const [labelled, ...more] = keys.filter(({ label }) => label === name)
    if (labelled === undefined) throw llmProblem('llm_key_unknown')
    if (more.length > 0) throw llmProblem('llm_key_unknown', { detail: 'Several have this label.' })
    return labelled
  }

  /** That a person can type. */
  #freeHandle(vendor: string): string {
    const taken = new Set(this.#rooms.vault.list().map(({ handle }) => handle))
    let number = 1
    while (taken.has(`${vendor}-${number}`)) number += 1
    return `${vendor}-${number}`
  }

  /** The bot, and its token where one was made. Throws Problem `llm_bot_exists`, `llm_hostname_taken`, `agent_unknown`, `token_known`. */
  addBot(asked: NewBot, by: Actor): Promise<{ readonly bot: Bot; readonly token: Secret | undefined }> {
    return this.#inTurn(() => this.#addBot(asked, by))
  }

  async #addBot(asked: NewBot, by: Actor): Promise<{ readonly bot: Bot; readonly token: Secret | undefined }> {
    const { storage, identity, clock, llm } = this.#rooms
    const known = asked.agent === undefined ? undefined : identity.requireAgent(asked.agent)
    const name = botAgentName(asked.name, (taken) => identity.findAgent(taken) !== undefined)
    const owner = by.kind === 'operator' ? by.id : undefined
    const made = { name, status: 'active', origin: 'operator', owner, label: asked.name } as const
    const row = known === undefined ? newAgentRow(identity.room, made) : undefined
    const { tagsText } = asked
    const plain: Bot = {
      agent: (row?.id ?? known?.id) as AgentId,
      ...{ name: asked.name, hostname: asked.hostname, tagsText, tags: readTags(tagsText) },
      ...{ vendors: undefined, models: undefined, paths: undefined, anyKey: false, expiresAt: undefined },
      ...{ own: row !== undefined, createdAt: clock.now() },
    }
    const bot = changedBot(plain, asked.limits ?? {})
    const token = await storage.write(async (tx) => {
      await llm.addBot(tx, bot, by)
      if (row !== undefined) await addAgentInto(identity.room, tx, row, by)
      await this.#syncGrants(tx, bot, by)
      if (asked.tokenHash !== undefined) await this.tokens.adopt(tx, bot.agent, asked.tokenHash, by)
      return asked.tokenHash === undefined && row !== undefined ? this.tokens.issue(tx, bot.agent, by) : undefined
    })
    return { bot, token }
  }

  /** Throws Problem `llm_bot_unknown`. */
  changeBot(name: string, limits: BotLimits, by: Actor): Promise<Bot> {
    return this.#inTurn(() => this.#changeBot(name, limits, by))
  }

  async #changeBot(name: string, limits: BotLimits, by: Actor): Promise<Bot> {
    const { storage, llm } = this.#rooms
    const bot = changedBot(llm.botNamed(name), limits)
    await storage.write(async (tx) => {
      await llm.changeBot(tx, bot, by)
      await this.#syncGrants(tx, bot, by)
    })
    return bot
  }

  /** What it may use in all, in the place of what it had. Throws Problem `llm_bot_unknown`. */
  setBudget(name: string, budget: BotBudget | null, by: Actor): Promise<void> {
    return this.#inTurn(async () => {
      const { ledger } = this.#rooms.llm
      const { agent } = this.#rooms.llm.botNamed(name)
      const had = ledger.budgets.list().filter((one) => one.agent === agent && one.vendor === undefined)
      const wanted =
        budget === null
          ? []
          : budgetsOf(budget).map((one) => budgetOf(ledger, { ...one, agent, vendor: undefined }, () => newId('bud')))
      for (const one of wanted) await ledger.putBudget(one, by)
      for (const { id } of had) if (!wanted.some((one) => one.id === id)) await ledger.removeBudget(id, by)
    })
  }

  /** Its token and grants end with it, and the agent that was made for it. Throws Problem `llm_bot_unknown`. */
  removeBot(name: string, by: Actor): Promise<void> {
    return this.#inTurn(() => this.#removeBot(name, by))
  }

  async #removeBot(name: string, by: Actor): Promise<void> {
    const { storage, identity, llm } = this.#rooms
    const bot = llm.botNamed(name)
    await storage.write(
      async (tx) => {
        await llm.removeBot(tx, bot, by)
        await this.tokens.revoke(tx, bot.agent, by)
        for (const { id } of this.#grantsOf(bot.agent)) await this.#rooms.grants.revoke(id, by, tx)
      },
      { urgent: true },
    )
    if (bot.own) await identity.revokeAgent(bot.agent, by)
  }

  /** The one before dies at once. Throws Problem `llm_bot_unknown`. */
  renewToken(name: string, by: Actor): Promise<Secret> {
    const { agent } = this.#rooms.llm.botNamed(name)
    return this.#rooms.storage.write((tx) => this.tokens.issue(tx, agent, by), { urgent: true })
  }

  /** What every bot was given is brought to what it should have: after a vendor or its service became another. */
  syncAll(by: Actor): Promise<void> {
    return this.#inTurn(() => this.#syncAll(by))
  }

  async #syncAll(by: Actor): Promise<void> {
    const { storage, llm } = this.#rooms
    await storage.write(async (tx) => {
      for (const bot of llm.bots()) await this.#syncGrants(tx, bot, by)
    })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }

  /** One grant for each key that the bot may use, and for each service that wants none. */
  async #syncGrants(tx: Tx, bot: Bot, by: Actor): Promise<void> {
    const { grants } = this.#rooms
    const wanted = this.#wanted(bot)
    const nameOf = (service: string, credential: string | undefined) => `${service} ${credential ?? ''}`
    const had = new Set<string>()
    for (const { id, service, credential } of this.#grantsOf(bot.agent)) {
      const name = nameOf(service, credential)
      if (wanted.has(name)) had.add(name)
      else await grants.revoke(id, by, tx)
    }
    for (const [name, { service, key }] of wanted) {
      if (!had.has(name)) await this.#give(tx, bot.agent, service, key, by)
    }
  }

  #wanted(bot: Bot): Map<string, { readonly service: Service; readonly key: CredentialId | undefined }> {
    const { llm, services } = this.#rooms
    const wanted = new Map<string, { readonly service: Service; readonly key: CredentialId | undefined }>()
    const open = new Set(llm.keys.openTo(bot))
    for (const vendor of llm.vendors()) {
      const isOut = bot.vendors !== undefined && !bot.vendors.includes(vendor.id)
      if (isOut) continue
      const usual = services.byName(vendor.service)
      if (usual !== undefined && usual.injection === undefined)
        wanted.set(`${usual.id} `, { service: usual, key: undefined })
      for (const key of llm.keys.of(vendor.id)) {
        const service = services.byName(key.service)
        const isWanted = service?.injection !== undefined && open.has(key)
        if (isWanted) wanted.set(`${service.id} ${key.id}`, { service, key: key.id })
      }
    }
    return wanted
  }

  #grantsOf(agent: AgentId) {
    return this.#rooms.grants.list(agent).filter(({ door, status }) => door === DOOR && status !== 'revoked')
  }

  async #give(tx: Tx, agent: AgentId, service: Service, key: CredentialId | undefined, by: Actor): Promise<void> {
    const credentials = key === undefined ? [] : [{ id: key, handle: key }]
    const wanted = { agent, service, scopes: [`${service.name}:*`], door: DOOR, credential: key, credentials }
    await this.#rooms.grants.add(wanted, by, tx)
  }

  /** Throws Problem `llm_vendor_unknown`. */
  #vendor(id: string): Vendor {
    const vendor = this.#rooms.llm.vendor(id)
    if (vendor === undefined) throw llmProblem('llm_vendor_unknown', { facts: { vendor: id.slice(0, 64) } })
    return vendor
  }
}

export type { LlmDesk }
