import { newId, type OperatorId } from '../../ground/ids.ts'
import { Problem } from '../../ground/problem.ts'
import type { Actor, Storage, Tx } from '../../storage/storage.ts'
import type { Approvals } from '../approvals.ts'
import type { Approval } from '../contract.ts'
import { answerTap } from './answering.ts'
import { ChannelBook, type ChannelChange } from './channel-book.ts'
import { ChannelHealth } from './channel-health.ts'
import {
  type Channel,
  type ChannelEdit,
  type ChannelId,
  type ChannelsStanding,
  channelProblem,
  type NewChannel,
  NewTelegram,
  type Notice,
  type Page,
  type Person,
  type Told,
  type Way,
} from './contract.ts'
import type { Times } from './due.ts'
import { type Edit, joinedBy, leftBy, retimed } from './edits.ts'
import { type Made, made, madeBot, madePush, type VapidKey } from './making.ts'
import { Notifier } from './notifier.ts'
import { Pairing } from './pairing.ts'
import { Devices } from './push/devices.ts'
import { refuseTaken } from './refuse-taken.ts'
import { standingOf } from './standing.ts'
import { getChannel, loadChannels, putChannel, removeChannel, removeNotice } from './store.ts'
import { botOf } from './telegram/bot-account.ts'
import { type WayPlaces, wayOf } from './ways.ts'
import { pendingText, TEST } from './words.ts'

export interface ChannelsOptions extends WayPlaces {
  readonly storage: Storage
  readonly approvals: Approvals
  /** An operator who may answer approvals now; undefined for anybody else. */
  readonly answererOf: (operator: OperatorId, approval?: Approval) => { readonly name: string } | undefined
  /** Members, who are none, are reached on their own devices alone, and say nothing of how a channel does. */
  readonly isOperator: (operator: OperatorId) => boolean
  readonly textOf: (approval: Approval) => Promise<Told>
  readonly pageOf: (approval: Approval) => Page | undefined
  readonly times: Times
}

/**
 * Who is asked, and how.
 *
 * Owns: the channels, the messages that stand in them, the secrets that a tap on one must show (their hashes alone).
 * Invariant: a channel is a hint and the list of approvals the truth. Nothing here says yes by itself: a tap becomes an
 * answer only where it is of the person, chat and message that the question was sent to, and approvals judges the rest.
 * Refuses: to make anybody wait, to show a secret, to take one.
 */
export class Channels {
  readonly #options: ChannelsOptions
  /** Browsers that take pushes. */
  readonly devices: Devices
  readonly #book = new ChannelBook(() => this.devices.people())
  readonly #health = new ChannelHealth()
  readonly #ways = new Map<ChannelId, Way>()
  readonly #notifier: Notifier
  readonly pairing: Pairing
  #timer: NodeJS.Timeout | undefined
  #makingPush: Promise<Channel> | undefined

  constructor(options: ChannelsOptions) {
    this.#options = options
    const { storage, clock, approvals, isOperator, pushServices: services } = options
    this.devices = new Devices({ storage, clock, services, isOperator })
    this.pairing = new Pairing(clock)
    const wayOf = (id: ChannelId) => this.#ways.get(id)
    this.#notifier = new Notifier({ ...options, book: this.#book, health: this.#health, wayOf })
    storage.follow((change) => this.#book.follow(change))
    approvals.follow((approval) => {
      // Not in the turn of the commit: whoever asked is answered first.
      if (this.#timer !== undefined) setImmediate(() => this.#notifier.heard(approval))
    })
  }

  /** After unsealing. `bad`: ids of rows that are not believed, and so reach nobody. */
  async load(): Promise<{ bad: readonly string[] }> {
    const { channels, notices, bad } = await loadChannels(this.#options.storage)
    const devices = await this.devices.load()
    this.#book.fill(channels, notices)
    return { bad: [...bad, ...devices.bad] }
  }

  /** Begins to ask and to listen; after load() of these and of the approvals. */
  start(): void {
    for (const channel of this.#book.channels()) this.#open(channel)
    this.#notifier.fill()
    this.#timer ??= setInterval(() => this.#notifier.look(), 1_000).unref()
    this.#notifier.look()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    for (const way of this.#ways.values()) way.stop()
    this.#ways.clear()
  }

  /** At sealing: nobody is asked what cannot be answered. */
  clear(): void {
    this.stop()
    this.#notifier.clear()
    for (const model of [this.#book, this.devices, this.#health]) model.clear()
  }

  list(): readonly Channel[] {
    return this.#book.channels()
  }

  health(id: ChannelId): ReturnType<ChannelHealth['get']> {
    return this.#health.get(id)
  }

  standing(): ChannelsStanding {
    return standingOf(this.list(), this.#health, this.#options.isOperator)
  }

  /** By id or name. Throws Problem `channel_unknown`. */
  find(name: string): Channel {
    const known = this.#book.channel(name)
    if (known === undefined) throw channelProblem('channel_unknown')
    return known
  }

  /**
   * A channel that listens, and reaches nobody before people are added. Throws Problems `channel_refused`,
   * `channel_unreachable`, `channel_name_taken`, `channel_account_taken`, `channel_limit`.
   */
  async add(input: NewChannel, by: Actor): Promise<Channel> {
    const id = newId('chn')
    const channel = await this.#keep(input, await made(id, input, this.#options), by)
    if (channel.kind === 'telegram') this.pairing.open(id)
    return channel
  }

  /** The same without asking Telegram first, so that a start does not wait for it. */
  async addUnasked(input: NewTelegram, by: Actor): Promise<Channel> {
    const bot = NewTelegram.parse(input)
    return this.#keep(bot, madeBot(newId('chn'), bot.token, this.#options.box), by)
  }

  /** The channel of pushes, made where there is none: its account is the key that browsers subscribe with. */
  async push(by: Actor, given?: VapidKey): Promise<Channel> {
    const known = () => this.list().find(({ kind }) => kind === 'push')
    if (known() === undefined) {
      const made = () => madePush(newId('chn'), this.#options.box, given)
      this.#makingPush ??= this.#keep({ kind: 'push' }, made(), by).finally(() => {
        this.#makingPush = undefined
      })
      await this.#makingPush
    }
    return known() as Channel
  }

  usesBot(token: string): boolean {
    return this.list().some(({ account }) => account.endsWith(botOf(token)))
  }

  async #keep(input: NewChannel, made: Made, by: Actor): Promise<Channel> {
    const { clock, storage } = this.#options
    const channel: Channel = {
      ...made,
      kind: input.kind,
      name: input.name ?? input.kind,
      people: [],
      quiet: input.quiet,
      afterSeconds: input.afterSeconds,
      createdAt: clock.now(),
    }
    await storage.write(async (tx) => {
      refuseTaken(channel, this.list())
      await this.#put(tx, channel, 'added', by, { name: channel.name, account: channel.account })
    })
    this.#open(channel)
    return channel
  }

  /** Throws Problem `channel_unknown`. */
  edit(name: string, edit: ChannelEdit, by: Actor): Promise<Channel> {
    const ev = { quiet: edit.quiet ?? undefined, afterSeconds: edit.afterSeconds ?? undefined }
    return this.#edit(name, 'edited', by, retimed(edit), ev)
  }

  /** Whoever wrote to the bot, or a mail address, as this operator. Throws Problems `channel_unknown`, `channel_kind_other`, `channel_candidate_unknown`. */
  async addPerson(name: string, user: string, operator: OperatorId, by: Actor): Promise<Channel> {
    const { id, kind } = this.find(name)
    const isMail = user.includes('@')
    if (kind === 'push' || isMail !== (kind === 'email')) throw channelProblem('channel_kind_other')
    if (isMail) return this.addKnown(id, { user, place: user, operator }, by)
    const { chat } = this.pairing.candidate(id, user)
    const channel = await this.addKnown(id, { user, place: chat, operator }, by)
    this.pairing.close(id)
    return channel
  }

  /** The same for somebody whose ids an operator gave. */
  async addKnown(name: string, person: Person, by: Actor): Promise<Channel> {
    const { user, operator } = person
    const channel = await this.#edit(name, 'person_added', by, joinedBy(person), { user, operator })
    this.#notifier.look()
    return channel
  }

  /**
   * Nothing that they were asked there is answered by them any more. Throws Problems `channel_unknown`, `channel_kind_other`,
   * `channel_person_unknown`.
   */
  removePerson(name: string, user: string, by: Actor): Promise<Channel> {
    const { id, kind } = this.find(name)
    if (kind === 'push') throw channelProblem('channel_kind_other')
    const asked = this.#book.noticesOf(id).filter((notice) => notice.user === user)
    return this.#edit(name, 'person_removed', by, leftBy(user), { user }, asked)
  }

  /** Throws Problem `channel_unknown`. */
  async remove(name: string, by: Actor): Promise<void> {
    const { id, kind } = this.find(name)
    const notices = this.#book.noticesOf(id).map((notice) => notice.id)
    await this.#options.storage.write(
      async (tx) => {
        await removeChannel(tx, id, notices)
        if (kind === 'push') await this.devices.removeAllInto(tx, by)
        const after: ChannelChange = { removed: id, notices }
        const record = { type: 'config', actor: by, ev: { what: 'channel.removed', channel: id } }
        await tx.change({ kind: 'channel', ref: id, after, record })
      },
      { urgent: true },
    )
    this.#ways.get(id)?.stop()
    this.#ways.delete(id)
    this.#health.forget(id)
  }

  /** Sends a message to every operator there. Throws Problems `channel_unknown`, `channel_nobody`, `channel_refused`, `channel_unreachable`. */
  async test(name: string): Promise<number> {
    const { id, people: all } = this.find(name)
    const people = all.filter(({ operator }) => this.#options.isOperator(operator))
    const way = this.#ways.get(id)
    if (people.length === 0 || way === undefined) throw channelProblem('channel_nobody')
    // One that is gone meanwhile is none of those who were asked for.
    for (const person of people) await way.say(person, TEST).catch(unlessUnknown)
    return people.length
  }

  #open(channel: Channel): void {
    const { id } = channel
    if (this.#ways.has(id)) return
    const { clock, approvals } = this.#options
    const needs = {
      ...this.#options,
      book: this.#book,
      health: this.#health,
      quiesced: () => this.#notifier.quiesced(),
    }
    const way = wayOf(channel, this.#options, {
      devices: this.devices,
      people: () => this.#book.channel(id)?.people ?? [],
      pending: () => pendingText(approvals.list().filter(({ status }) => status === 'pending')),
      tapped: (tap) => answerTap(needs, this.find(id), tap),
      came: (candidate, at) => this.pairing.came(id, candidate, at),
      worked: () => this.#health.worked(id, clock.now()),
      failed: (error) => this.#health.failed(id, error, clock.now()),
    })
    this.#ways.set(id, way)
    way.start()
  }

  #edit(name: string, word: string, by: Actor, edit: Edit, ev: Ev, over: readonly Notice[] = []): Promise<Channel> {
    const { id } = this.find(name)
    const work = async (tx: Tx) => {
      const before = await getChannel(tx, id)
      if (before === undefined) throw channelProblem('channel_unknown')
      const after = edit(before)
      for (const notice of over) await removeNotice(tx, notice.id)
      await this.#put(tx, after, word, by, ev, over)
      return after
    }
    return this.#options.storage.write(work, { urgent: word === 'person_removed' })
  }

  async #put(tx: Tx, channel: Channel, word: string, by: Actor, ev: Ev, over: readonly Notice[] = []): Promise<void> {
    await putChannel(tx, channel)
    const after: ChannelChange = { put: channel, notices: over.map((notice) => notice.id) }
    const record = { type: 'config', actor: by, ev: { what: `channel.${word}`, channel: channel.id, ...ev } }
    await tx.change({ kind: 'channel', ref: channel.id, after, record })
  }
}

type Ev = Readonly<Record<string, string | number | undefined>>

function unlessUnknown(error: unknown): void {
  if (!(error instanceof Problem && error.code === 'device_unknown')) throw error
}
