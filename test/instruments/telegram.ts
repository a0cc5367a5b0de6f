import { createRequire } from 'node:module'
import type { TelegramServer } from 'telegram-test-api/lib/telegramServer.js'
import { heldPort } from './held-port.ts'
import { until } from './wait.ts'

// Its types say otherwise of what it exports.
const Server: typeof TelegramServer = createRequire(import.meta.url)('telegram-test-api')

export interface BotMessage {
  readonly messageId: number
  readonly time: number
  readonly message: {
    readonly chat_id: number | string
    readonly text: string
    readonly reply_markup?: { readonly inline_keyboard?: readonly (readonly Button[])[] }
  }
}

interface Button {
  readonly text: string
  readonly callback_data?: string
  readonly url?: string
}

/** Members of a tap that a test says otherwise. */
export interface TapOver {
  readonly user?: number
  readonly chat?: number
  readonly type?: string
  readonly message?: number
  readonly dated?: number
  readonly data?: string
  readonly marks?: Readonly<Record<string, unknown>>
}

export const BOT = '4242:AAH-a-token-that-only-the-emulator-takes'
export const ANN = 77

/** Somebody else's emulator of the Bot API (npm `telegram-test-api`), and people who use it. */
export class Telegram {
  readonly root: string
  readonly #server: TelegramServer
  readonly #port: Disposable
  #up = true

  private constructor(server: TelegramServer, port: Disposable, root: string) {
    this.#server = server
    this.#port = port
    this.root = root
  }

  static async start(): Promise<Telegram> {
    const held = await heldPort()
    const server = new Server({ port: held.port, host: '127.0.0.1', storeTimeout: 3_600 })
    await server.start()
    return new Telegram(server, held, `http://127.0.0.1:${held.port}`)
  }

  /** Everything that a bot sent, as it stands now. */
  sent(token = BOT): readonly BotMessage[] {
    return this.#server.storage.botMessages.filter(({ botToken }) => botToken === token) as unknown as BotMessage[]
  }

  /** Those that can be answered. */
  questions(token = BOT): readonly BotMessage[] {
    return this.sent(token).filter(({ message }) => message.reply_markup?.inline_keyboard !== undefined)
  }

  async question(at = 0, token = BOT): Promise<BotMessage> {
    await until(() => this.questions(token).length > at)
    return this.questions(token)[at] as BotMessage
  }

  /** What people wrote and nobody deleted. */
  written(): readonly string[] {
    return this.#server.storage.userMessages.flatMap((one) => ('message' in one ? [one.message.text] : []))
  }

  async write(text: string, user = ANN, { chat = user, type = 'private', token = BOT } = {}): Promise<void> {
    const client = this.#server.getClient(token, { userId: user, chatId: chat, type: type as 'private' })
    await this.#server.addUserMessage(client.makeMessage(text))
  }

  /** A tap on this button, with everything of it as Telegram says it, but for what `over` says. */
  async tap(question: BotMessage, button: string, over: TapOver = {}, token = BOT): Promise<void> {
    const { user = ANN, chat = Number(question.message.chat_id), type = 'private' } = over
    const { message = question.messageId, dated = question.time, data = dataOf(question, button), marks = {} } = over
    const client = this.#server.getClient(token, { userId: user, chatId: chat, type: type as 'private' })
    const under = { message_id: message, date: dated, chat: { id: chat, type }, ...marks }
    await this.#server.addUserCallback(client.makeCallbackQuery(data, { message: under } as never))
  }

  async stop(): Promise<void> {
    if (this.#up) await this.#server.stop()
    this.#up = false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    this.#port[Symbol.dispose]()
  }
}

export function buttonsOf({ message }: BotMessage): string[] {
  return (message.reply_markup?.inline_keyboard ?? []).flat().map(({ text }) => text)
}

export function dataOf({ message }: BotMessage, button: string): string {
  const found = (message.reply_markup?.inline_keyboard ?? []).flat().find(({ text }) => text.includes(button))
  return found?.callback_data ?? ''
}

/** Where its button leads to. */
export function linkOf({ message }: BotMessage): string {
  return (message.reply_markup?.inline_keyboard ?? []).flat().find(({ url }) => url !== undefined)?.url ?? ''
}
