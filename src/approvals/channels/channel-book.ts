import type { Change } from '../../storage/storage.ts'
import type { ApprovalId } from '../contract.ts'
import type { Channel, ChannelId, Notice, NoticeId, Person } from './contract.ts'

/** What followers of a change of this room get. */
export type ChannelChange =
  | { readonly put: Channel; readonly notices: readonly NoticeId[] }
  | { readonly removed: ChannelId; readonly notices: readonly NoticeId[] }

/** Channels and the messages that stand, in memory. */
export class ChannelBook {
  readonly #channels = new Map<ChannelId, Channel>()
  readonly #notices = new Map<NoticeId, Notice>()
  /** By the hash of what a tap shows. */
  readonly #byHash = new Map<string, Notice>()
  readonly #told = new Set<string>()
  readonly #devices: () => readonly Person[]

  /** `devices`: whom channels of pushes reach. */
  constructor(devices: () => readonly Person[]) {
    this.#devices = devices
  }

  fill(channels: readonly Channel[], notices: readonly Notice[]): void {
    this.clear()
    for (const channel of channels) this.#channels.set(channel.id, channel)
    for (const notice of notices) if (this.#channels.has(notice.channel)) this.add(notice)
  }

  clear(): void {
    for (const map of [this.#channels, this.#notices, this.#byHash, this.#told]) map.clear()
  }

  /** In the order in which they were added. */
  channels(): Channel[] {
    return Array.from(this.#channels.values(), (channel) => this.#reaching(channel))
  }

  get size(): number {
    return this.#channels.size
  }

  /** By id or name. */
  channel(name: string): Channel | undefined {
    const found = this.#channels.get(name as ChannelId) ?? [...this.#channels.values()].find((one) => one.name === name)
    return found && this.#reaching(found)
  }

  #reaching(channel: Channel): Channel {
    return channel.kind === 'push' ? { ...channel, people: this.#devices() } : channel
  }

  notices(): IterableIterator<Notice> {
    return this.#notices.values()
  }

  noticesOf(channel: ChannelId): Notice[] {
    return [...this.#notices.values()].filter((notice) => notice.channel === channel)
  }

  byHash(hash: string): Notice | undefined {
    return this.#byHash.get(hash)
  }

  /** Whether this person has the question already. */
  isTold(approval: ApprovalId, channel: ChannelId, user: string): boolean {
    return this.#told.has(keyOf({ approval, channel, user }))
  }

  add(notice: Notice): void {
    this.#notices.set(notice.id, notice)
    this.#told.add(keyOf(notice))
    for (const hash of [notice.yes, notice.no]) if (hash !== undefined) this.#byHash.set(hash, notice)
  }

  drop(id: NoticeId): void {
    const notice = this.#notices.get(id)
    if (notice === undefined) return
    this.#notices.delete(id)
    this.#told.delete(keyOf(notice))
    for (const hash of [notice.yes, notice.no]) if (hash !== undefined) this.#byHash.delete(hash)
  }

  follow({ kind, after }: Change): void {
    if (kind === 'channel_notice') this.add(after as Notice)
    if (kind !== 'channel') return
    const change = after as ChannelChange
    if ('put' in change) this.#channels.set(change.put.id, change.put)
    else this.#channels.delete(change.removed)
    for (const id of change.notices) this.drop(id)
  }
}

const keyOf = ({ approval, channel, user }: Pick<Notice, 'approval' | 'channel' | 'user'>) =>
  `${approval}/${channel}/${user}`
