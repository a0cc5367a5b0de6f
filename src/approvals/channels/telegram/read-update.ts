// What an update of the Bot API says, as far as it counts here. Pure.
import type { Message, Update } from 'grammy/types'
import type { Tap } from '../contract.ts'

/** Something that somebody wrote. */
export interface Said {
  readonly user: string
  readonly place: string
  readonly message: number
  readonly name: string
  /** A chat of this person with the bot, and nobody else in it. */
  readonly alone: boolean
  readonly forwarded: boolean
  readonly text: string
  /** Milliseconds since 1970, to the second. */
  readonly at: number
}

export type Heard = { readonly tap: Tap; readonly query: string } | { readonly said: Said } | undefined

export function readUpdate(update: Update): Heard {
  const { callback_query: query, message } = update
  if (query !== undefined) {
    const { from, message: under, data = '', id } = query
    return {
      query: id,
      tap: {
        secret: data,
        user: String(from?.id),
        place: String(under?.chat?.id),
        message: String(under?.message_id),
        dated: Number(under?.date),
        altered: under === undefined || isAltered(under as Message) || !isAlone(under.chat, from?.id),
      },
    }
  }
  if (message?.text === undefined || message.from === undefined) return undefined
  const { from, chat, text, date, message_id } = message
  return {
    said: {
      user: String(from.id),
      place: String(chat.id),
      message: message_id,
      name: [from.first_name, from.last_name, from.username && `@${from.username}`].filter(Boolean).join(' '),
      alone: isAlone(chat, from.id),
      forwarded: isAltered(message),
      text,
      at: Number(date) * 1_000,
    },
  }
}

/** Passed on by somebody, by a bot in between, or changed: the gateway never changes a message that can be tapped. */
function isAltered(message: Message): boolean {
  const marks = [
    'forward_origin',
    'forward_from',
    'forward_from_chat',
    'forward_date',
    'via_bot',
    'sender_chat',
    'edit_date',
  ]
  return marks.some((mark) => (message as unknown as Record<string, unknown>)[mark] !== undefined)
}

function isAlone(chat: { readonly id: number; readonly type?: string } | undefined, user: number | undefined): boolean {
  return chat?.type === 'private' && chat.id === user
}
