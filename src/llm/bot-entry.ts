import { Problem } from '../ground/problem.ts'
import type { Target } from '../ground/target.ts'
import type { Bot, LlmApi } from './contract.ts'
import { OpenPaths, openToAll } from './open-paths.ts'

/** A bot with its lists compiled: made at a change, never for a call. */
export class BotEntry {
  readonly bot: Bot
  readonly #vendors: ReadonlySet<string> | undefined
  readonly #opened: OpenPaths | undefined
  readonly #models: ReadonlySet<string> | undefined
  readonly #beginnings: readonly string[]

  constructor(bot: Bot) {
    this.bot = bot
    this.#vendors = bot.vendors && new Set(bot.vendors)
    this.#opened = openedOf(bot.paths)
    this.#models = bot.models && new Set(bot.models)
    this.#beginnings = (bot.models ?? []).filter((one) => one.endsWith('*')).map((one) => one.slice(0, -1))
  }

  mayUse(vendor: string): boolean {
    return this.#vendors === undefined || this.#vendors.has(vendor)
  }

  isOpen(api: LlmApi, method: string, target: Target): boolean {
    return openToAll(api).has(method, target) || this.#opened?.has(method, target) === true
  }

  /** Whether it may ask some models alone. */
  get hasModels(): boolean {
    return this.#models !== undefined
  }

  mayAsk(model: string): boolean {
    if (this.#models === undefined) return true
    return this.#models.has(model) || this.#beginnings.some((beginning) => model.startsWith(beginning))
  }

  isOver(now: number): boolean {
    return this.bot.expiresAt !== undefined && this.bot.expiresAt <= now
  }
}

/** What an earlier release took and this one cannot read opens nothing. */
function openedOf(paths: readonly string[] | undefined): OpenPaths | undefined {
  try {
    return paths && new OpenPaths(paths)
  } catch (error) {
    if (error instanceof Problem) return undefined
    throw error
  }
}
