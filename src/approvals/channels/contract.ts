/** The promise of the ways to reach people: data only. */
import { z } from 'zod'
import type { Id, OperatorId } from '../../ground/ids.ts'
import { problemsOf } from '../../ground/problem.ts'
import type { Secret } from '../../ground/secret.ts'
import type { Approval, ApprovalId } from '../contract.ts'
import { NEVER_QUIET } from './due.ts'
import { isSafe, isWhole, MailAccount, MailAddress } from './email/account.ts'
import { isQuietHours } from './quiet-hours.ts'

export type ChannelId = Id<'chn'>
export type NoticeId = Id<'ntc'>

export const CHANNEL_KINDS = ['telegram', 'push', 'email'] as const
export type ChannelKind = (typeof CHANNEL_KINDS)[number]

/** Whom a channel reaches, and whose answers these are. */
export interface Person {
  /** As the channel knows them, and cannot be told otherwise by themselves: a user id. */
  readonly user: string
  /** Where messages to them go. */
  readonly place: string
  readonly operator: OperatorId
}

export interface Channel {
  readonly id: ChannelId
  readonly kind: ChannelKind
  readonly name: string
  /** What the channel calls itself there, e.g. the bot's name. */
  readonly account: string
  readonly people: readonly Person[]
  /** `22:00-07:00 Europe/Berlin`: what wakes nobody is told afterwards; `never`. Undefined: as the settings say. */
  readonly quiet: string | undefined
  /** It is told of what nobody answered for so long; 0: at once. Undefined: in its turn, as the settings say. */
  readonly afterSeconds: number | undefined
  readonly sealedSecret: Buffer
  readonly createdAt: number
}

/** One message that asks one person, and what an answer to it must show. */
export interface Notice {
  readonly id: NoticeId
  readonly channel: ChannelId
  readonly approval: ApprovalId
  readonly digest: string
  readonly user: string
  readonly place: string
  /** The message's own id in that place, and when the channel says it was sent. */
  readonly message: string
  readonly dated: number
  /** Hex SHA-256 of what a tap must show; left out where a tap is not enough to say yes. */
  readonly yes: string | undefined
  readonly no: string | undefined
}

const Quiet = z
  .string()
  .max(100)
  .refine(
    (text) => text === NEVER_QUIET || isQuietHours(text),
    'hours and a time zone such as 22:00-07:00 Europe/Berlin are wanted, or never',
  )
const AfterSeconds = z.int().min(0).max(86_400)
const Name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/)

const ofAnyKind = { name: Name.optional(), quiet: Quiet.optional(), afterSeconds: AfterSeconds.optional() }

export const NewTelegram = z.strictObject({
  kind: z.literal('telegram'),
  ...ofAnyKind,
  /** The bot's, from @BotFather. */
  token: z
    .string()
    .regex(/^[0-9]{1,20}:[A-Za-z0-9_-]{10,100}$/, 'the token of a bot is wanted, as @BotFather gives it'),
})
export type NewTelegram = z.output<typeof NewTelegram>

/** Pushes to browsers. Its key is made here. */
const NewPush = z.strictObject({ kind: z.literal('push'), ...ofAnyKind })

/** Mails through a server. */
const NewEmail = z
  .strictObject({ kind: z.literal('email'), ...ofAnyKind, ...MailAccount.shape })
  .refine(isSafe, { path: ['tls'], error: 'a mail server beyond this machine is spoken to by TLS' })
  .refine(isWhole, { path: ['password'], error: 'user and password stand together' })

export const NewChannel = z.discriminatedUnion('kind', [NewTelegram, NewPush, NewEmail])
export type NewChannel = z.output<typeof NewChannel>

/** What can be changed. Null: the channel says nothing of itself any more, and what the settings say holds. */
export const ChannelEdit = z.strictObject({
  quiet: Quiet.nullable().optional(),
  afterSeconds: AfterSeconds.nullable().optional(),
})
export type ChannelEdit = z.output<typeof ChannelEdit>

export const NewPerson = z.strictObject({
  /** The id of somebody who wrote to the bot; a mail address. */
  user: z.union(
    [z.string().regex(/^[1-9][0-9]{0,19}$/), MailAddress],
    'the id of a user, a number, or a mail address is wanted',
  ),
  /** Name or id of the operator whose answers these are; the caller if left out. */
  operator: z.string().min(1).max(128).optional(),
})

export const ChannelView = z.object({
  id: z.string(),
  kind: z.enum(CHANNEL_KINDS),
  name: z.string(),
  account: z.string(),
  people: z.array(z.object({ user: z.string(), operator: z.string() })),
  quiet: z.string().optional(),
  afterSeconds: z.int().optional(),
  createdAt: z.string(),
  /** Since when nothing gets through; left out while it does. */
  failingSince: z.string().optional(),
  lastError: z.string().optional(),
  lastSuccessAt: z.string().optional(),
  /** Taps that no message of this gateway made: another one may use the same bot. */
  foreign: z.int(),
  /** Taps that were refused. */
  refused: z.int(),
})
export type ChannelView = z.output<typeof ChannelView>

/** Somebody who wrote to the bot while that was waited for. */
export const Candidate = z.object({ user: z.string(), chat: z.string(), name: z.string() })
export type Candidate = z.output<typeof Candidate>

export const ChannelsStanding = z.object({
  count: z.int(),
  /** Whether anybody would be told. */
  people: z.int(),
  failing: z.array(z.string()),
  foreign: z.int(),
})
export type ChannelsStanding = z.output<typeof ChannelsStanding>

/** A tap, as a channel read it. */
export interface Tap {
  readonly secret: string
  readonly user: string
  readonly place: string
  readonly message: string
  readonly dated: number
  /** Somebody passed it on, or changed it, or it is not in a chat of two. */
  readonly altered: boolean
}

/** How one kind of channel talks: everything else is the same for all of them. */
export interface Way {
  /** Whether buttons in its messages can be answers. Where not, a message says that something waits, and leads to the page. */
  readonly taps: boolean
  /** Begins to listen for answers, until stop(). */
  start(): void
  stop(): void
  /** Hands a message over; undefined for somebody who is reached there no more. Throws what says why not. */
  ask(person: Person, question: Question): Promise<{ message: string; dated: number } | undefined>
  /** Says what became of it, in place of the question. */
  tell(notice: Notice, approval: Approval): Promise<void>
  say(person: Person, text: string): Promise<void>
}

/** What a person is sent. `text`, `yes` and `no`: where taps are answers; what each button shows when it is tapped. */
export interface Question {
  readonly approval: Approval
  readonly text: string
  readonly yes: string | undefined
  readonly no: string | undefined
  /** Where a stronger answer is given; undefined where no page is reached. */
  readonly page: Page | undefined
}

/** The page of one approval. */
export interface Page {
  readonly url: string
  /** It opens on the machine of the gateway, and nowhere else. */
  readonly thisMachineOnly: boolean
}

/** An approval in words. */
export interface Told {
  readonly text: string
  /** Nothing was left out of it: who reads it has read everything. */
  readonly whole: boolean
}

/** Vault functions that seal a small secret for one purpose. Both throw Problem `vault_sealed` while it is sealed. */
export interface SealedBox {
  readonly seal: (purpose: string, secret: Buffer) => Buffer
  readonly open: (purpose: string, sealed: Buffer) => Secret
}

export const channelProblems = {
  channel_unknown: { status: 404, title: 'There is no such channel', hint: 'See `claviger channel list`.' },
  channel_name_taken: { status: 409, title: 'A channel has this name already', hint: 'Choose another with --name.' },
  channel_limit: { status: 409, title: 'There are as many channels as there may be', hint: 'Remove one.' },
  channel_account_taken: {
    status: 409,
    title: 'There is a channel with this account already',
    hint: 'Add people to that channel, or remove it first: `claviger channel list`.',
  },
  channel_refused: {
    status: 422,
    title: 'The channel does not work with what was given',
    hint: 'Look at the token (@BotFather shows it, and makes a new one with /revoke), or at what the mail server says.',
  },
  channel_unreachable: {
    status: 502,
    title: 'The service behind the channel did not answer',
    hint: 'It is tried again by itself where it is not a test. Approvals wait in `claviger pending` all the same.',
  },
  channel_nobody: {
    status: 409,
    title: 'Nobody is reached by this channel yet',
    hint: '`claviger channel pair <name>` waits for somebody to write to a bot; pushes are switched on in the operators’ pages.',
  },
  channel_candidate_unknown: {
    status: 404,
    title: 'Nobody of this id wrote to the bot while that was waited for',
    hint: 'Send /start to the bot in a chat of your own with it, within ten minutes, and try again.',
  },
  channel_person_unknown: {
    status: 404,
    title: 'This channel reaches nobody of this id',
    hint: 'See `claviger channel list`; devices that take pushes are in `claviger channel device list`.',
  },
  channel_kind_other: { status: 409, title: 'A channel of this kind has no such thing' },
  device_unknown: { status: 404, title: 'There is no such device', hint: 'See `claviger channel device list`.' },
  device_limit: { status: 409, title: 'This operator has as many devices as one may', hint: 'Remove one.' },
  push_service_unknown: {
    status: 422,
    title: 'Pushes do not go to this address',
    hint: 'It is at no push service that is known. An operator of the gateway can name it in CLAVIGER_PUSH_SERVICES.',
  },
  push_key_invalid: { status: 422, title: 'Nothing can be encrypted for this key' },
  channel_operator_unknown: {
    status: 404,
    title: 'There is no such operator who may answer approvals',
    hint: 'See `claviger operator list`. An auditor answers nothing.',
  },
} as const

export const channelProblem = problemsOf(channelProblems)
