// How each kind of channel talks.
import type { Clock } from '../../ground/clock.ts'
import type { Mailer } from '../../http/mail.ts'
import type { Outbound } from '../../http/outbound.ts'
import type { Candidate, Channel, ChannelId, Person, SealedBox, Tap, Way } from './contract.ts'
import { Email } from './email/email.ts'
import type { Devices } from './push/devices.ts'
import type { OwnPushService } from './push/push-places.ts'
import { WebPush } from './push/web-push.ts'
import type { BotApiPlace } from './telegram/bot-api.ts'
import { Telegram } from './telegram/telegram.ts'

/** What ways need of what is outside. */
export interface WayPlaces {
  readonly clock: Clock
  readonly box: SealedBox
  readonly outbound: Outbound
  /** Where the Bot API of Telegram is. */
  readonly botApi: BotApiPlace
  /** Push services beside those that are known. */
  readonly pushServices: readonly OwnPushService[]
  /** Whom a push service may write to. */
  readonly pushContact: string | undefined
  readonly mailer: Mailer
}

/** What one channel hears, and is asked by those who use it. */
export interface WayEars {
  readonly devices: Devices
  readonly people: () => readonly Person[]
  readonly pending: () => string
  readonly tapped: (tap: Tap) => Promise<string | undefined>
  readonly came: (candidate: Candidate, at: number) => void
  readonly worked: () => void
  readonly failed: (error: unknown) => void
}

export function wayOf(channel: Channel, places: WayPlaces, ears: WayEars): Way {
  const { id, kind, sealedSecret } = channel
  const { clock, mailer, box } = places
  if (kind === 'email') return new Email({ clock, mailer, account: () => box.open(purposeOf(id), sealedSecret) })
  if (kind === 'push') return pushWay(channel, places, ears.devices)
  return new Telegram({ ...botOptions(id, sealedSecret, places), ...ears, clock })
}

function pushWay({ id, account, sealedSecret }: Channel, places: WayPlaces, devices: Devices): Way {
  const { clock, outbound, box, pushContact: contact } = places
  const privateKey = () => box.open(purposeOf(id), sealedSecret)
  return new WebPush({ clock, outbound, contact, devices, publicKey: account, privateKey })
}

export function botOptions(id: ChannelId, sealed: Buffer, { box, outbound, botApi }: WayPlaces) {
  return { outbound, place: botApi, token: () => box.open(purposeOf(id), sealed) }
}

/** A secret that is moved to another channel's row does not open there. */
export const purposeOf = (id: ChannelId) => `channel-secret/${id}`
