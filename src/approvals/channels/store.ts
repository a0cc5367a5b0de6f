/** The rows of channels and of what they were told. */
import type { Storage, Tx } from '../../storage/storage.ts'
import type { ApprovalId } from '../contract.ts'
import type { Channel, ChannelId, ChannelKind, Notice, NoticeId, Person } from './contract.ts'

interface ChannelRow {
  readonly id: string
  readonly kind: ChannelKind
  readonly name: string
  readonly account: string
  readonly people: string
  readonly quiet: string | null
  readonly after_seconds: number
  readonly secret: Uint8Array
  readonly created_at: number
}

/** In `after_seconds`: the channel says nothing of itself. */
const IN_ITS_TURN = -1

interface NoticeRow {
  readonly id: string
  readonly channel: string
  readonly approval: string
  readonly digest: string
  readonly user: string
  readonly place: string
  readonly message: string
  readonly dated: number
  readonly yes: string | null
  readonly no: string | null
}

export async function putChannel(tx: Tx, channel: Channel): Promise<void> {
  await tx.put('channels', {
    id: channel.id,
    kind: channel.kind,
    name: channel.name,
    account: channel.account,
    people: JSON.stringify(channel.people),
    quiet: channel.quiet ?? null,
    after_seconds: channel.afterSeconds ?? IN_ITS_TURN,
    secret: channel.sealedSecret,
    created_at: channel.createdAt,
  })
}

export async function getChannel(tx: Tx, id: ChannelId): Promise<Channel | undefined> {
  const row = await tx.get<ChannelRow>('channels', id)
  return row && channelOf(row)
}

/** With what it was told. */
export async function removeChannel(tx: Tx, id: ChannelId, notices: Iterable<NoticeId>): Promise<void> {
  await tx.remove('channels', id)
  for (const notice of notices) await tx.remove('channel_notices', notice)
}

export async function putNotice(tx: Tx, notice: Notice): Promise<void> {
  await tx.put('channel_notices', { ...notice, yes: notice.yes ?? null, no: notice.no ?? null })
}

export const removeNotice = (tx: Tx, id: NoticeId): Promise<void> => tx.remove('channel_notices', id)

/** All that are believed. `bad`: ids of rows that other hands changed. */
export async function loadChannels(
  storage: Storage,
): Promise<{ channels: Channel[]; notices: Notice[]; bad: string[] }> {
  const [channels, notices] = await Promise.all([
    storage.load<ChannelRow>('channels'),
    storage.load<NoticeRow>('channel_notices'),
  ])
  return {
    channels: channels.rows.map(channelOf).sort((one, other) => one.createdAt - other.createdAt),
    notices: notices.rows.map(noticeOf),
    bad: [...channels.bad, ...notices.bad],
  }
}

function channelOf(row: ChannelRow): Channel {
  return {
    id: row.id as ChannelId,
    kind: row.kind,
    name: row.name,
    account: row.account,
    people: JSON.parse(row.people) as Person[],
    quiet: row.quiet ?? undefined,
    afterSeconds: row.after_seconds === IN_ITS_TURN ? undefined : row.after_seconds,
    sealedSecret: Buffer.from(row.secret),
    createdAt: row.created_at,
  }
}

function noticeOf(row: NoticeRow): Notice {
  return {
    id: row.id as NoticeId,
    channel: row.channel as ChannelId,
    approval: row.approval as ApprovalId,
    digest: row.digest,
    user: row.user,
    place: row.place,
    message: row.message,
    dated: row.dated,
    yes: row.yes ?? undefined,
    no: row.no ?? undefined,
  }
}
