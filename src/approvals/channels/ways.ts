// How each kind of channel talks.
import type { Clock } from '../../ground/clock.ts'
import type { Outbound } from '../../http/outbound.ts'
import type { Candidate, Channel, ChannelId, Person, SealedBox, Tap, Way } from './contract.ts'
import type { BotApiPlace } from './telegram/bot-api.ts'
import { Telegram } from './telegram/telegram.ts'

/** What ways need of what is outside. */
export interface WayPlaces {
  readonly clock: Clock
  readonly box: SealedBox
  readonly outbound: Outbound
  /** Where the Bot API of Telegram is. */
  readonly botApi: BotApiPlace
}

/** What one channel hears, and is asked by those who use it. */
export interface WayEars {
  readonly people: () => readonly Person[]
  readonly pending: () => string
  readonly tapped: (tap: Tap) => Promise<string | undefined>
  readonly came: (candidate: Candidate, at: number) => void
  readonly worked: () => void
  readonly failed: (error: unknown) => void
}

export function wayOf({ id, sealedSecret }: Channel, places: WayPlaces, ears: WayEars): Way {
  return new Telegram({ ...botOptions(id, sealedSecret, places), ...ears, clock: places.clock })
}

export function botOptions(id: ChannelId, sealed: Buffer, { box, outbound, botApi }: WayPlaces) {
  return { outbound, place: botApi, token: () => box.open(purposeOf(id), sealed) }
}

/** A secret that is moved to another channel's row does not open there. */
export const purposeOf = (id: ChannelId) => `channel-secret/${id}`
