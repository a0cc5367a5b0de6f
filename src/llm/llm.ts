/**
 * LLM vendors as bots see them: which service a vendor is, which keys and paths a bot may use, what it used.
 *
 * Owns: the tables of schema.ts and their read-model; whose turn it is among keys, and which of them rest.
 * Invariant: what is in memory is what was committed and believed; a key with a tag serves no bot without it.
 * Refuses: to hold a secret (keys are the vault's), to let a call pass (that is the gate's).
 */
import type { Clock } from '../ground/clock.ts'
import type { AgentId, CredentialId } from '../ground/ids.ts'
import type { Actor, Change, Storage, Tx } from '../storage/storage.ts'
import { BotEntry } from './bot-entry.ts'
import { type Bot, type Key, llmProblem, type Vendor } from './contract.ts'
import { KeyRing } from './key-ring.ts'
import { Ledger } from './ledger.ts'
import {
  type AsideRow,
  loadAll,
  putAdmin,
  putAside,
  putBot,
  putTurns,
  putVendor,
  removeAside,
  removeBot,
  removeVendor,
  taken,
  type VendorOverride,
} from './store.ts'
import { servicesOf, vendorTable } from './vendor-regions.ts'

export interface LlmOptions {
  readonly storage: Storage
  readonly clock: Clock
  /** Vendors that are known without being told. */
  readonly presets: readonly Vendor[]
  /** Where the operator says that Ollama is. */
  readonly ollamaUpstream?: string | undefined
  /** Every key there is, the oldest first, by the vault. */
  readonly keysIn: (vendors: readonly Vendor[]) => readonly Key[]
  /** How long what calls took is kept. */
  readonly keepDays: number
  /** Hears of what could not be written beside the calls. */
  readonly onTrouble: (error: unknown) => void
}

const FLUSH_MS = 200
const SYSTEM: Actor = { kind: 'system', id: 'llm' }

export class Llm {
  readonly keys: KeyRing
  /** What calls took, and may take. */
  readonly ledger: Ledger
  readonly #options: LlmOptions
  #vendors: ReadonlyMap<string, Vendor> = new Map()
  /** The vendors that a service is, by the service's name. */
  #vendorsOf = new Map<string, readonly { readonly vendor: Vendor }[]>()
  readonly #overrides = new Map<string, VendorOverride>()
  readonly #byAgent = new Map<AgentId, BotEntry>()
  readonly #byName = new Map<string, BotEntry>()
  #admin: Buffer | undefined
  #flushing: NodeJS.Timeout | undefined
  #open = false

  constructor(options: LlmOptions) {
    this.#options = options
    this.keys = new KeyRing(options.clock)
    this.ledger = new Ledger(options, () => this.#flushSoon())
    this.#makeVendors()
    options.storage.follow((change) => this.#follow(change))
  }

  /** After unsealing, when services and credentials are there. `bad`: ids of rows that are not believed. */
  async load(): Promise<{ bad: readonly string[] }> {
    const { bots, asides, vendors, admin, turns, bad } = await loadAll(this.#options.storage)
    this.clear()
    for (const one of vendors) this.#overrides.set(one.id, one)
    this.#makeVendors()
    for (const bot of bots) this.#enter(bot)
    this.keys.setTurns(turns)
    for (const { id, status } of asides) this.keys.setAside(id as CredentialId, status)
    this.#admin = admin
    this.#open = true
    this.#readKeys()
    return { bad: [...bad, ...(await this.ledger.load())] }
  }

  clear(): void {
    this.#open = false
    for (const map of [this.#overrides, this.#byAgent, this.#byName]) map.clear()
    this.#makeVendors()
    this.keys.clear()
    this.ledger.clear()
    this.#admin = undefined
  }

  get ollamaUpstream(): string | undefined {
    return this.#options.ollamaUpstream
  }

  vendor(id: string): Vendor | undefined {
    return this.#vendors.get(id)
  }

  vendors(): readonly Vendor[] {
    return [...this.#vendors.values()]
  }

  bot(agent: AgentId): BotEntry | undefined {
    return this.#byAgent.get(agent)
  }

  /** Throws Problem `llm_bot_unknown`. */
  botNamed(name: string): Bot {
    const found = this.#byName.get(name)
    if (found === undefined) throw llmProblem('llm_bot_unknown', { facts: { bot: name.slice(0, 128) } })
    return found.bot
  }

  /** The newest first. */
  bots(): readonly Bot[] {
    return [...this.#byAgent.values()].map(({ bot }) => bot).sort((one, other) => other.createdAt - one.createdAt)
  }

  /**
   * Whether calls of this agent to this service are bounded by what is counted at the door alone: then they go no other way.
   * One or two look-ups.
   */
  isBounded(agent: AgentId, service: string): boolean {
    const vendors = this.#vendorsOf.get(service)
    if (vendors === undefined) return false
    const { budgets } = this.ledger
    if (budgets.hasAgent(agent) || vendors.some(({ vendor }) => budgets.hasVendor(vendor.id))) return true
    const bot = this.#byAgent.get(agent)
    return bot !== undefined && (bot.hasModels || bot.bot.paths !== undefined || bot.bot.vendors !== undefined)
  }

  /** Keyed hash of the door's admin token; undefined where none was made here. */
  get admin(): Buffer | undefined {
    return this.#admin
  }

  /** Throws Problem `llm_bot_exists`, `llm_hostname_taken`. */
  async addBot(tx: Tx, bot: Bot, by: Actor): Promise<void> {
    const which = await taken(tx, bot.name, bot.hostname)
    if (which === 'name') throw llmProblem('llm_bot_exists')
    if (which === 'hostname') throw llmProblem('llm_hostname_taken')
    await this.#putBot(tx, bot, 'added', by)
  }

  changeBot(tx: Tx, bot: Bot, by: Actor): Promise<void> {
    return this.#putBot(tx, bot, 'changed', by)
  }

  async removeBot(tx: Tx, { agent, name }: Bot, by: Actor): Promise<void> {
    await removeBot(tx, agent)
    const record = { type: 'revoke', actor: by, ev: { what: 'llm.bot_removed', agent, bot: name } }
    await tx.change({ kind: 'llm_bot', ref: agent, record })
  }

  /** What a vendor is from now on, in the place of what is known of it without being told. */
  async putVendor(given: VendorOverride, by: Actor): Promise<void> {
    await this.#options.storage.write(async (tx) => {
      await putVendor(tx, given)
      const record = { type: 'config', actor: by, ev: { what: 'llm.vendor', ...given } }
      await tx.change({ kind: 'llm_vendor', ref: given.id, after: given, record })
    })
  }

  async removeVendor(id: string, by: Actor): Promise<void> {
    await this.#options.storage.write(async (tx) => {
      await removeVendor(tx, id)
      await tx.change({
        kind: 'llm_vendor',
        ref: id,
        record: { type: 'config', actor: by, ev: { what: 'llm.vendor_reset', id } },
      })
    })
  }

  async putAdmin(hash: Buffer, by: Actor): Promise<void> {
    const { storage, clock } = this.#options
    await storage.write(
      async (tx) => {
        await putAdmin(tx, hash, clock.now())
        await tx.change({
          kind: 'llm_admin',
          ref: 'admin',
          after: hash,
          record: { type: 'auth', actor: by, ev: { what: 'llm.admin_token' } },
        })
      },
      { urgent: true },
    )
  }

  /**
   * A vendor refused a key: at once nobody is given it, and it stays so until an operator looks. What cannot be written is
   * told; a restart would try the key once more.
   */
  setAside(id: CredentialId, status: number): void {
    if (this.keys.asideOf(id) !== undefined) return
    const { storage, clock, onTrouble } = this.#options
    this.keys.setAside(id, status)
    const row: AsideRow = { id, status, at: clock.now() }
    const written = storage.write(async (tx) => {
      await putAside(tx, row)
      const record = { type: 'config', actor: SYSTEM, ev: { what: 'llm.key_set_aside', credential: id, status } }
      await tx.change({ kind: 'llm_aside', ref: id, after: row, record })
    })
    written.catch(onTrouble)
  }

  /** An operator looked at a key: it is given out again. */
  async takeBack(id: CredentialId, by: Actor): Promise<void> {
    await this.#options.storage.write(async (tx) => {
      await removeAside(tx, id)
      const record = { type: 'config', actor: by, ev: { what: 'llm.key_taken_back', credential: id } }
      await tx.change({ kind: 'llm_aside', ref: id, record })
    })
  }

  /** Whose turn it is, to be kept over restarts: beside the calls. */
  keepTurns(): void {
    this.#flushSoon()
  }

  readonly close = () => this.flush()

  async flush(): Promise<void> {
    clearTimeout(this.#flushing)
    this.#flushing = undefined
    const { storage, onTrouble } = this.#options
    const moved = this.keys.takeMoved()
    if (moved.size > 0) await putTurns(storage, moved).catch(onTrouble)
    await this.ledger.flush().catch(onTrouble)
  }

  #flushSoon(): void {
    this.#flushing ??= setTimeout(() => void this.flush(), FLUSH_MS).unref()
  }

  async #putBot(tx: Tx, bot: Bot, how: 'added' | 'changed', by: Actor): Promise<void> {
    await putBot(tx, bot)
    const { agent, name, hostname, tags, vendors, models, paths, anyKey, expiresAt } = bot
    const lists = { tags: copied(tags), vendors: copied(vendors), models: copied(models), paths: copied(paths) }
    const ev = { what: `llm.bot_${how}`, agent, bot: name, hostname, ...lists, anyKey, expiresAt }
    await tx.change({ kind: 'llm_bot', ref: agent, after: bot, record: { type: 'grant', actor: by, ev } })
  }

  #follow({ kind, ref, after, record }: Change): void {
    if (kind === 'llm_bot') {
      this.#leave(ref as AgentId)
      if (after !== undefined) this.#enter(after as Bot)
    } else if (kind === 'llm_aside') {
      const row = after as AsideRow | undefined
      if (row === undefined) this.keys.takeBack(ref as CredentialId)
      else this.keys.setAside(row.id as CredentialId, row.status)
    } else if (kind === 'llm_vendor') {
      if (after === undefined) this.#overrides.delete(ref)
      else this.#overrides.set(ref, after as VendorOverride)
      this.#makeVendors()
      this.#readKeys()
    } else if (kind === 'llm_admin') this.#admin = after as Buffer
    else if ((kind === 'credential' || kind === 'service') && this.#open) this.#readKeys()
    if (kind === 'credential' && record.type === 'secret.rotated') this.#rotated(ref as CredentialId)
  }

  /** An operator gave it another secret. After the commit: nothing is written in the midst of one. */
  #rotated(id: CredentialId): void {
    if (this.keys.asideOf(id) === undefined) return
    setImmediate(() => void this.takeBack(id, SYSTEM).catch(this.#options.onTrouble))
  }

  #makeVendors(): void {
    this.#vendors = vendorTable(this.#options.presets, this.#overrides.values())
    const services = this.vendors().flatMap((vendor) => [...servicesOf(vendor)].map((name) => ({ name, vendor })))
    this.#vendorsOf = Map.groupBy(services, ({ name }) => name)
  }

  #readKeys(): void {
    this.keys.replace(this.#options.keysIn(this.vendors()))
  }

  #enter(bot: Bot): void {
    const entry = new BotEntry(bot)
    this.#byAgent.set(bot.agent, entry)
    this.#byName.set(bot.name, entry)
  }

  #leave(agent: AgentId): void {
    const old = this.#byAgent.get(agent)
    if (old === undefined) return
    this.#byAgent.delete(agent)
    this.#byName.delete(old.bot.name)
  }
}

const copied = (list: readonly string[] | undefined) => list && [...list]
