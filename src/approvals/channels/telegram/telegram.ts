import type { Api } from 'grammy'
import type { InlineKeyboardButton, Update } from 'grammy/types'
import type { Clock } from '../../../ground/clock.ts'
import type { Approval } from '../../contract.ts'
import type { Candidate, Notice, Person, Question, Tap, Way } from '../contract.ts'
import { DELETED, HELP, NO_SECRETS, NOT_DELETED, outcomeText } from '../words.ts'
import { asProblem, type BotApiOptions, botApi } from './bot-api.ts'
import { commandOf, mayHoldSecret } from './commands.ts'
import { poll } from './poll.ts'
import { readUpdate, type Said } from './read-update.ts'

export interface TelegramOptions extends BotApiOptions {
  readonly clock: Clock
  readonly people: () => readonly Person[]
  /** What waits, as text for these people. */
  readonly pending: () => string
  /** Takes a tap; resolves to what is said to whoever tapped. Must not throw Problems. */
  readonly tapped: (tap: Tap) => Promise<string | undefined>
  /** Somebody who is nobody here yet wrote /start in a chat of their own. */
  readonly came: (candidate: Candidate, at: number) => void
  readonly worked: () => void
  readonly failed: (error: unknown) => void
}

/** A bot that asks and listens by long polling: nothing has to reach this gateway from outside. */
export class Telegram implements Way {
  readonly taps = true
  readonly #options: TelegramOptions
  readonly #api: () => Promise<Api>
  #stop: AbortController | undefined

  constructor(options: TelegramOptions) {
    this.#options = options
    let api: Promise<Api> | undefined
    this.#api = () => {
      api ??= botApi(options)
      return api
    }
  }

  start(): void {
    if (this.#stop !== undefined) return
    this.#stop = new AbortController()
    const { clock, worked, failed } = this.#options
    const take = (update: Update) => this.#take(update)
    void poll({ api: this.#api, clock, signal: this.#stop.signal, take, worked, failed })
  }

  stop(): void {
    this.#stop?.abort()
    this.#stop = undefined
  }

  async ask(person: Person, question: Question): Promise<{ message: string; dated: number }> {
    const { text } = question
    const markup = { reply_markup: { inline_keyboard: keyboard(question) } }
    const sent = await called((await this.#api()).sendMessage(person.place, text, { ...asText(text), ...markup }))
    return { message: String(sent.message_id), dated: Number(sent.date) }
  }

  async tell({ place, message }: Notice, approval: Approval): Promise<void> {
    const text = outcomeText(approval)
    await called((await this.#api()).editMessageText(place, Number(message), text, asText(text)))
  }

  async say({ place }: Person, text: string): Promise<void> {
    await called((await this.#api()).sendMessage(place, text, asText(text)))
  }

  async #take(update: Update): Promise<void> {
    const heard = readUpdate(update)
    if (heard === undefined) return
    if ('said' in heard) return this.#hear(heard.said)
    const text = await this.#options.tapped(heard.tap)
    // Nothing where nobody is to hear of it. An answer that comes too late for Telegram changes nothing.
    if (text !== undefined)
      await (await this.#api()).answerCallbackQuery(heard.query, { text: text.slice(0, 200) }).catch(() => {})
  }

  async #hear(said: Said): Promise<void> {
    const person = this.#options.people().find(({ user }) => user === said.user)
    const command = commandOf(said.text)
    if (person === undefined) {
      const { user, place: chat, name, alone, forwarded, at } = said
      if (command?.name === 'start' && alone && !forwarded) this.#options.came({ user, chat, name }, at)
      return
    }
    // In a group too, where nothing else is answered: a secret must not stay where others read it.
    const secret = mayHoldSecret(said.text)
    const deleted = secret && (await (await this.#api()).deleteMessage(said.place, said.message).catch(() => undefined))
    if (!said.alone || said.place !== person.place) return
    if (!secret) return this.say(person, this.#answer(command?.name, person))
    const says = command?.name === 'add_secret' ? NO_SECRETS : DELETED
    await this.say(person, deleted === undefined ? `${says}\n\n${NOT_DELETED}` : says)
  }

  #answer(name: string | undefined, { place }: Person): string {
    if (name === 'start' || name === 'id')
      return `Your chat ID: ${place}\n\nBot is ready to receive execution requests.`
    if (name === 'pending') return this.#options.pending()
    if (name === 'list_secrets' || name === 'remove_secret') return NO_SECRETS
    return HELP
  }
}

/** Who the bot is. Throws Problem `channel_refused`, `channel_unreachable`. Ends a webhook of before, which forbids polling. */
export async function whoIsBot(options: BotApiOptions): Promise<{ username: string }> {
  const api = await botApi(options)
  const { username } = await called(api.getMe())
  await called(api.deleteWebhook())
  return { username: /^[A-Za-z0-9_]{1,64}$/.test(username) ? username : 'bot' }
}

/** One preformatted block: no address, @name or command in it becomes something to press. */
function asText(text: string) {
  const entities = [{ type: 'pre' as const, offset: 0, length: text.length }]
  return { entities, link_preview_options: { is_disabled: true } }
}

/** Telegram takes no address of this machine for a button. */
function keyboard({ yes, no, page }: Question): InlineKeyboardButton[][] {
  const row: InlineKeyboardButton[] = []
  if (yes !== undefined) row.push({ text: '✅ Approve', callback_data: yes })
  if (no !== undefined) row.push({ text: '❌ Deny', callback_data: no })
  return page === undefined || page.thisMachineOnly ? [row] : [row, [{ text: '📄 Open', url: page.url }]]
}

async function called<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw asProblem(error)
  }
}
