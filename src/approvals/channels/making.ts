// What a new channel keeps: its secret, sealed for it alone, and what it is called where it is.
import { Secret } from '../../ground/secret.ts'
import type { Channel, ChannelId, NewChannel, SealedBox } from './contract.ts'
import { accountName, sealable } from './email/account.ts'
import { seenToWork } from './email/email.ts'
import { newVapidKey, type VapidKey } from './push/vapid.ts'
import { botOf } from './telegram/bot-account.ts'
import { whoIsBot } from './telegram/telegram.ts'
import { botOptions, purposeOf, type WayPlaces } from './ways.ts'

export type { VapidKey } from './push/vapid.ts'
export type Made = Pick<Channel, 'id' | 'account' | 'sealedSecret'>

/** After it was seen to work, where that can be seen. Throws Problems `channel_refused`, `channel_unreachable`. */
export async function made(id: ChannelId, input: NewChannel, places: WayPlaces): Promise<Made> {
  if (input.kind === 'push') return madePush(id, places.box)
  if (input.kind === 'email') {
    const { kind, name, quiet, afterSeconds, ...account } = input
    await seenToWork(places.mailer, sealable(account))
    return { id, sealedSecret: sealed(id, sealable(account), places.box), account: accountName(account) }
  }
  const sealedSecret = sealed(id, Secret.fromText(input.token), places.box)
  const { username } = await whoIsBot(botOptions(id, sealedSecret, places))
  return { id, sealedSecret, account: `@${username}${botOf(input.token)}` }
}

/** A bot without asking Telegram first, so that a start does not wait for it. */
export function madeBot(id: ChannelId, token: string, box: SealedBox): Made {
  return { id, sealedSecret: sealed(id, Secret.fromText(token), box), account: `bot${botOf(token)}` }
}

/** Its account is the public key that browsers subscribe with. */
export function madePush(id: ChannelId, box: SealedBox, given: VapidKey = newVapidKey()): Made {
  const { secret, publicKey } = given
  return { id, sealedSecret: sealed(id, secret, box), account: publicKey }
}

function sealed(id: ChannelId, secret: Secret, box: SealedBox): Buffer {
  const bytes = box.seal(purposeOf(id), secret.reveal())
  secret.wipe()
  return bytes
}
