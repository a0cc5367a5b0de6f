import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../../ground/clock.ts'
import { newId, type OperatorId } from '../../ground/ids.ts'
import { Problem } from '../../ground/problem.ts'
import type { Actor, Storage } from '../../storage/storage.ts'
import type { Approvals } from '../approvals.ts'
import type { Approval, ApprovalId } from '../contract.ts'
import type { ChannelBook } from './channel-book.ts'
import type { ChannelHealth } from './channel-health.ts'
import type { Channel, ChannelId, Notice, Page, Person, Told, Way } from './contract.ts'
import { isDue, type Times } from './due.ts'
import { mayTap } from './may-tap.ts'
import { putNotice, removeNotice } from './store.ts'

const SYSTEM: Actor = { kind: 'system', id: 'claviger' }
/** What became of it is told for so long; afterwards nobody looks at the message any more. */
const TELL_MS = 24 * 3_600_000

export interface NotifierNeeds {
  readonly storage: Storage
  readonly clock: Clock
  readonly approvals: Approvals
  readonly book: ChannelBook
  readonly health: ChannelHealth
  readonly wayOf: (id: ChannelId) => Way | undefined
  readonly times: Times
  /** An operator who may answer approvals now; of this one where it is given, or a member. Undefined for anybody else, who is told nothing. */
  readonly answererOf: (operator: OperatorId, approval?: Approval) => { readonly name: string } | undefined
  /** Members' devices say nothing of how a channel does: it is the operators'. */
  readonly isOperator: (operator: OperatorId) => boolean
  /** What a person is shown of it, safe to send. */
  readonly textOf: (approval: Approval) => Promise<Told>
  /** Where it is answered with more than a tap; undefined where no page is reached. */
  readonly pageOf: (approval: Approval) => Page | undefined
}

/**
 * Asks people, each once, and tells them what became of it. It is asked again and again what is due: so a restart, a
 * channel that was down and the end of the quiet hours need nothing of their own. What fails is tried again, and nobody
 * waits for it.
 */
export class Notifier {
  readonly #needs: NotifierNeeds
  readonly #pending = new Set<ApprovalId>()
  readonly #busy = new Map<string, Promise<void>>()

  constructor(needs: NotifierNeeds) {
    this.#needs = needs
  }

  heard({ id, status }: Approval): void {
    if (status === 'pending') this.#pending.add(id)
    else this.#pending.delete(id)
    this.look()
  }

  /** After load(): whatever waits. */
  fill(): void {
    this.#pending.clear()
    for (const { id, status } of this.#needs.approvals.list()) if (status === 'pending') this.#pending.add(id)
  }

  clear(): void {
    this.#pending.clear()
  }

  /** Begins whatever is due now. */
  look(): void {
    const { book, answererOf } = this.#needs
    const channels = [...book.channels()]
    for (const id of this.#pending) {
      const approval = this.#find(id)
      if (approval?.status !== 'pending') {
        this.#pending.delete(id)
        continue
      }
      const reaching = channels.filter(({ people }) => people.some(({ operator }) => answererOf(operator, approval)))
      for (const [turn, channel] of reaching.entries()) this.#askAll(approval, channel, turn)
    }
    for (const notice of book.notices()) this.#tellOne(notice)
  }

  /** Resolves when no message is on its way: a tap can be faster than the row of its message. */
  async quiesced(): Promise<void> {
    await Promise.all(this.#busy.values())
  }

  #askAll(approval: Approval, channel: Channel, turn: number): void {
    const { book, clock, times, wayOf, answererOf } = this.#needs
    const way = wayOf(channel.id)
    if (way === undefined || !isDue(approval, channel, { times, turn }, clock.now())) return
    for (const person of channel.people) {
      if (book.isTold(approval.id, channel.id, person.user) || answererOf(person.operator, approval) === undefined)
        continue
      this.#run(`ask/${approval.id}/${channel.id}/${person.user}`, this.#countedAt(channel, person.user), () =>
        this.#ask(approval, channel, person, way),
      )
    }
  }

  #tellOne(notice: Notice): void {
    const approval = this.#find(notice.approval)
    if (approval?.status === 'pending') return
    const way = this.#needs.wayOf(notice.channel)
    const late = approval === undefined || this.#needs.clock.now() > approval.expiresAt + TELL_MS
    if (!late && way === undefined) return
    const counted = this.#countedAt(this.#needs.book.channel(notice.channel), notice.user)
    this.#run(`tell/${notice.id}`, counted, async () => {
      if (!late) await way?.tell(notice, approval).catch(unlessForGood)
      await this.#needs.storage.write((tx) => removeNotice(tx, notice.id))
      this.#needs.book.drop(notice.id)
    })
  }

  async #ask(approval: Approval, channel: Channel, person: Person, way: Way): Promise<void> {
    const { storage, textOf, pageOf } = this.#needs
    const { text, whole } = way.taps ? await textOf(approval) : { text: '', whole: false }
    if (this.#find(approval.id)?.status !== 'pending') return
    // Nobody says yes by a tap to what they could not read to its end.
    const yes = whole && mayTap(approval) ? newSecret() : undefined
    const no = way.taps ? newSecret() : undefined
    const sent = await way.ask(person, { approval, text, yes, no, page: pageOf(approval) })
    if (sent === undefined) return
    const { id, digest } = approval
    const notice: Notice = {
      id: newId('ntc'),
      channel: channel.id,
      approval: id,
      digest,
      user: person.user,
      place: person.place,
      ...sent,
      yes: yes && hashOf(yes),
      no: no && hashOf(no),
    }
    const ev = { channel: channel.id, operator: person.operator }
    await storage.write(async (tx) => {
      await putNotice(tx, notice)
      const record = { type: 'approval.notified', actor: SYSTEM, approval: { id, digest }, ev }
      await tx.change({ kind: 'channel_notice', ref: notice.id, after: notice, record })
    })
    // Answered while the message was on its way: it is told at once.
    if (this.#find(id)?.status !== 'pending') setImmediate(() => this.look())
  }

  /** The channel whose doing a message to this person shows. */
  #countedAt(channel: Channel | undefined, user: string): ChannelId | undefined {
    const person = channel?.people.find((one) => one.user === user)
    return person !== undefined && this.#needs.isOperator(person.operator) ? channel?.id : undefined
  }

  #run(task: string, channel: ChannelId | undefined, work: () => Promise<void>): void {
    const { health, clock } = this.#needs
    if (this.#busy.has(task) || !health.mayTry(task, clock.now())) return
    const done = work().then(
      () => {
        health.settled(task)
        if (channel !== undefined) health.worked(channel, clock.now())
      },
      (error: unknown) => {
        health.again(task, error, clock.now())
        if (channel !== undefined) health.failed(channel, error, clock.now())
      },
    )
    this.#busy.set(
      task,
      done.finally(() => this.#busy.delete(task)),
    )
  }

  #find(id: ApprovalId): Approval | undefined {
    try {
      return this.#needs.approvals.find(id)
    } catch {
      return undefined
    }
  }
}

/** A message that is gone, or a person who blocked the bot: there is nothing left to change. */
function unlessForGood(error: unknown): void {
  if (!(error instanceof Problem && error.code === 'channel_refused')) throw error
}

/** 128 bits, as a button's data can carry them. */
const newSecret = () => randomBytes(16).toString('base64url')

export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')
