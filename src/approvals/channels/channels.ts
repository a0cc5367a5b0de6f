import { newId, type OperatorId } from '../../ground/ids.ts'
import { Secret } from '../../ground/secret.ts'
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
  NewChannel,
  type Page,
  type Person,
  type Told,
  type Way,
} from './contract.ts'
import type { Times } from './due.ts'
import { Notifier } from './notifier.ts'
import { Pairing } from './pairing.ts'
import { getChannel, loadChannels, putChannel, removeChannel } from './store.ts'
import { botIn, botOf } from './telegram/bot-account.ts'
import { whoIsBot } from './telegram/telegram.ts'
import { botOptions, purposeOf, type WayPlaces, wayOf } from './ways.ts'
import { pendingText, TEST } from './words.ts'

export interface ChannelsOptions extends WayPlaces {
  readonly storage: Storage
  readonly approvals: Approvals
  /** An operator who may answer approvals now; undefined for anybody else. */
  readonly answererOf: (operator: OperatorId, approval?: Approval) => { readonly name: string } | undefined
  readonly textOf: (approval: Approval) => Promise<Told>
  readonly pageOf: (approval: Approval) => Page | undefined
  readonly times: Times
}

const MOST = 20

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
  readonly #book = new ChannelBook()
  readonly #health = new ChannelHealth()
  readonly #ways = new Map<ChannelId, Way>()
  readonly #notifier: Notifier
  readonly pairing: Pairing
  #timer: NodeJS.Timeout | undefined

  constructor(options: ChannelsOptions) {
    this.#options = options
    const { storage, clock, approvals } = options
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
    this.#book.fill(channels, notices)
    return { bad }
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
    this.#book.clear()
    this.#health.clear()
  }

  list(): readonly Channel[] {
    return [...this.#book.channels()]
  }

  health(id: ChannelId): ReturnType<ChannelHealth['get']> {
    return this.#health.get(id)
  }

  standing(): ChannelsStanding {
    const all = this.list()
    return {
      count: all.length,
      people: all.reduce((sum, { people }) => sum + people.length, 0),
      failing: all.filter(({ id }) => this.health(id).failingSince !== undefined).map(({ name }) => name),
      foreign: all.reduce((sum, { id }) => sum + this.health(id).foreign, 0),
    }
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
    const sealedSecret = this.#seal(id, input.token)
    const { username } = await whoIsBot(botOptions(id, sealedSecret, this.#options))
    const channel = await this.#keep(input, { id, sealedSecret, account: `@${username}${botOf(input.token)}` }, by)
    this.pairing.open(id)
    return channel
  }

  /** The same without asking Telegram first, so that a start does not wait for it. */
  async addUnasked(input: NewChannel, by: Actor): Promise<Channel> {
    const { token, ...rest } = NewChannel.parse(input)
    const id = newId('chn')
    return this.#keep(rest, { id, sealedSecret: this.#seal(id, token), account: `bot${botOf(token)}` }, by)
  }

  usesBot(token: string): boolean {
    return this.list().some(({ account }) => account.endsWith(botOf(token)))
  }

  #seal(id: ChannelId, token: string): Buffer {
    const secret = Secret.fromText(token)
    const sealed = this.#options.box.seal(purposeOf(id), secret.reveal())
    secret.wipe()
    return sealed
  }

  async #keep(
    input: Omit<NewChannel, 'token'>,
    made: Pick<Channel, 'id' | 'account' | 'sealedSecret'>,
    by: Actor,
  ): Promise<Channel> {
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
      this.#refuseTaken(channel)
      await this.#put(tx, channel, 'added', by, { name: channel.name, account: channel.account })
    })
    this.#open(channel)
    return channel
  }

  /** Throws Problem `channel_unknown`. */
  edit(name: string, { quiet, afterSeconds }: ChannelEdit, by: Actor): Promise<Channel> {
    const changed = (before: Channel): Channel => ({
      ...before,
      quiet: quiet === undefined ? before.quiet : (quiet ?? undefined),
      afterSeconds: afterSeconds === undefined ? before.afterSeconds : (afterSeconds ?? undefined),
    })
    return this.#edit(name, 'edited', by, changed, {
      quiet: quiet ?? undefined,
      afterSeconds: afterSeconds ?? undefined,
    })
  }

  /** Whoever wrote to the bot, as the operator whose answers theirs are. Throws Problems `channel_unknown`, `channel_candidate_unknown`. */
  async addPerson(name: string, user: string, operator: OperatorId, by: Actor): Promise<Channel> {
    const { id } = this.find(name)
    const { chat } = this.pairing.candidate(id, user)
    const channel = await this.addKnown(id, { user, place: chat, operator }, by)
    this.pairing.close(id)
    return channel
  }

  /** The same for somebody whose ids an operator gave. */
  async addKnown(name: string, person: Person, by: Actor): Promise<Channel> {
    const { user, operator } = person
    const others = (before: Channel) => before.people.filter((one) => one.user !== user)
    const joined = (before: Channel): Channel => ({ ...before, people: [...others(before), person] })
    const channel = await this.#edit(name, 'person_added', by, joined, { user, operator })
    this.#notifier.look()
    return channel
  }

  /** Throws Problem `channel_unknown`. */
  async remove(name: string, by: Actor): Promise<void> {
    const { id } = this.find(name)
    const notices = this.#book.noticesOf(id).map((notice) => notice.id)
    await this.#options.storage.write(
      async (tx) => {
        await removeChannel(tx, id, notices)
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

  /** Sends a message to everybody there. Throws Problems `channel_unknown`, `channel_nobody`, `channel_refused`, `channel_unreachable`. */
  async test(name: string): Promise<number> {
    const { id, people } = this.find(name)
    const way = this.#ways.get(id)
    if (people.length === 0 || way === undefined) throw channelProblem('channel_nobody')
    for (const person of people) await way.say(person, TEST)
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

  #refuseTaken({ name, account }: Channel): void {
    const all = this.list()
    if (all.length >= MOST) throw channelProblem('channel_limit')
    if (all.some((one) => one.name === name)) throw channelProblem('channel_name_taken')
    if (all.some((one) => botIn(one.account) === botIn(account))) throw channelProblem('channel_account_taken')
  }

  #edit(name: string, word: string, by: Actor, edit: (before: Channel) => Channel, ev: Ev): Promise<Channel> {
    const { id } = this.find(name)
    return this.#options.storage.write(async (tx) => {
      const before = await getChannel(tx, id)
      if (before === undefined) throw channelProblem('channel_unknown')
      const after = edit(before)
      await this.#put(tx, after, word, by, ev)
      return after
    })
  }

  async #put(tx: Tx, channel: Channel, word: string, by: Actor, ev: Ev): Promise<void> {
    await putChannel(tx, channel)
    const after: ChannelChange = { put: channel }
    const record = { type: 'config', actor: by, ev: { what: `channel.${word}`, channel: channel.id, ...ev } }
    await tx.change({ kind: 'channel', ref: channel.id, after, record })
  }
}

type Ev = Readonly<Record<string, string | number | undefined>>
