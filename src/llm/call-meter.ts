/**
 * What one call takes: judged by what it says before the vendor has all of it, taken from budgets, read from the answer, settled
 * and noted. Without budgets and lists of models it only reads and notes.
 */
import type { AgentId, CredentialId } from '../ground/ids.ts'
import { Problem } from '../ground/problem.ts'
import type { Target } from '../ground/target.ts'
import type { BotEntry } from './bot-entry.ts'
import type { Amounts, Taken } from './budgets.ts'
import { llmProblem, type Vendor } from './contract.ts'
import type { Ledger } from './ledger.ts'
import { outputBounds } from './output-bounds.ts'
import type { Price } from './prices.ts'
import { AskedReader } from './read-asked.ts'
import { type Usage, UsageReader } from './read-usage.ts'
import { type StreamKind, streamKind } from './stream-kind.ts'

export interface MeteredCall {
  readonly rid: string
  readonly agent: AgentId
  /** Undefined for an agent that is no bot. */
  readonly entry: BotEntry | undefined
  readonly vendor: Vendor
  readonly method: string
  /** As the client wrote it, without what stands before it. */
  readonly target: Target
  /** The request's only `Content-Type`; nothing where it has several. */
  readonly type?: string | undefined
  /** Bytes of the body, where the request says it. */
  readonly length?: number | undefined
}

/** What a call may answer that does not say how much, and what it gets more at a time. */
const USUAL_OUTPUT = 1_024
/** About so many tokens an event carries, where nobody says. */
const TOKENS_PER_EVENT = {
  'google-gemini': 24,
  'anthropic-messages': 3,
  'openai-responses': 1,
  'openai-completions': 1,
} as const
const BATCH = /\/batches$|:batchGenerateContent$/
/** Ends what runs, and asks no model. */
const CANCEL = /[/:]cancel$/
const NOTHING: Amounts = Object.freeze({ tokens: 0, money: 0 })

export class CallMeter {
  readonly asked: AskedReader
  readonly #ledger: Ledger
  readonly #call: MeteredCall
  readonly #began: number
  #taken: Taken | undefined
  #reader: UsageReader | undefined
  #status = 0
  /** How the answer streams that began; undefined where it does not. */
  stream: StreamKind | undefined
  #price: Price | undefined
  #over = false
  #judged = false
  /** What was taken for what goes in, before all of it was there, and of which model. */
  #reserved: { readonly tokens: number; readonly model: string | undefined } = { tokens: 0, model: undefined }

  constructor(ledger: Ledger, call: MeteredCall) {
    this.#ledger = ledger
    this.#call = call
    this.asked = new AskedReader(outputBounds(call.vendor, call.target.path), call.type)
    this.#began = ledger.clock.mono()
  }

  get isJudged(): boolean {
    return this.#judged
  }

  /** Whether it matters what it says. */
  get isBounded(): boolean {
    const { entry, vendor, agent } = this.#call
    const { budgets } = this.#ledger
    return entry?.hasModels === true || budgets.hasAgent(agent) || budgets.hasVendor(vendor.id)
  }

  /**
   * When all of the body was read, or all that a vendor may take for it; taken is once. Throws Problem `llm_not_allowed`,
   * `llm_budget_exceeded`.
   */
  judge(): void {
    this.#check()
    if (this.#judged) return
    this.#takeAnew()
    this.#judged = true
  }

  /** Of a body that nobody can read, before any of it goes on: whether it may go on at all. Throws as judge() does. */
  look(): void {
    this.#check()
    this.reserve()
  }

  /**
   * Before all of a body is there: takes what it will take by its length, or by what there is of it, so that of calls at once those
   * are refused that do not fit, before they are sent in vain. Throws Problem `llm_budget_exceeded`.
   */
  reserve(): void {
    if (this.#judged) return
    const needed = this.asked.tokens(this.#call.length)
    const model = this.#model
    const { tokens, model: before } = this.#reserved
    if (this.#taken !== undefined && needed <= tokens && model === before) return
    this.#reserved = { tokens: needed, model }
    this.#takeAnew(true)
  }

  #takeAnew(early = false): void {
    this.#taken?.giveBack()
    this.#taken = undefined
    this.#taken = this.#take(early)
  }

  #check(): void {
    const { entry, vendor, agent, target } = this.#call
    if (!this.#asks) return
    const hasModels = entry?.hasModels === true
    // What a batch takes, and of which models, nobody sees here.
    if (BATCH.test(target.path) && (hasModels || this.#ledger.budgets.counts(agent, vendor.id)))
      throw notAllowed('path')
    if (!hasModels) return
    const model = this.#model
    const may = (one: string | undefined) => one !== undefined && entry.mayAsk(one)
    if (this.asked.lost || !may(model) || !this.#others.every(may)) throw notAllowed('model')
  }

  /** `early`: before all of the body is there. What money it takes is not known before its model is. */
  #take(early: boolean): Taken | undefined {
    const { vendor, agent, length } = this.#call
    const { budgets, prices } = this.#ledger
    const model = this.#model
    const asks = this.#asks
    // Which of several is paid for nobody knows.
    const isOne = this.#others.every((one) => one === model)
    this.#price = model === undefined || !isOne ? undefined : prices.find(vendor.id, model)
    if (!asks) return budgets.take(agent, vendor.id, NOTHING, NOTHING)
    const isUnread = early && model === undefined && !this.asked.lost
    const amounts = (input: number, output: number) =>
      isUnread ? { tokens: input + output, money: 0 } : this.#amounts(input, output)
    const input = amounts(this.asked.tokens(early ? length : undefined), 0)
    const most = this.asked.mostOutput ?? budgets.within(agent, vendor.id, input, this.#price, USUAL_OUTPUT)
    return budgets.take(agent, vendor.id, input, amounts(0, most))
  }

  began(status: number, type: string): void {
    this.#status = status
    this.stream = streamKind(type, this.#call.vendor, this.#call.target.path)
    this.#reader = new UsageReader(this.stream)
  }

  /** Throws Problem `llm_budget_exceeded` where a budget ends the answer. */
  passed(chunk: Buffer): void {
    const reader = this.#reader
    if (reader === undefined) return
    reader.push(chunk)
    const taken = this.#taken
    if (taken === undefined || !reader.isStream) return
    while (this.#guessed(reader) > taken.tokens) {
      if (!taken.grow(this.#amounts(0, USUAL_OUTPUT))) throw llmProblem('llm_budget_exceeded')
    }
  }

  /** Nothing was sent: as if it had never been. */
  giveBack(): void {
    this.#over = true
    this.#taken?.giveBack()
  }

  /** It is over. `status`: what the bot was answered, where that is not the vendor's. Once. */
  close(whole: boolean, bytesOut: number, key: CredentialId | undefined, status = this.#status): void {
    if (this.#over) return
    this.#over = true
    this.#takeLate()
    const usage = this.#usage(whole)
    this.#settle(usage)
    const { rid, agent, vendor } = this.#call
    const { clock } = this.#ledger
    const { tokensIn, tokensOut, model, estimated } = usage
    const known = tokensIn !== undefined || tokensOut !== undefined
    this.#ledger.add({
      ...{ rid, at: clock.now(), agent, vendor: vendor.id, key, status, model, tokensIn, tokensOut, estimated },
      cost: known ? this.#amounts(tokensIn ?? 0, tokensOut ?? 0).money : undefined,
      ms: Math.round(clock.mono() - this.#began),
      ...{ bytesIn: this.asked.bytes, bytesOut, aborted: !whole },
    })
  }

  get #model(): string | undefined {
    const { target, vendor } = this.#call
    const { decoded } = target
    const at =
      vendor.api === 'google-gemini' ? decoded.findIndex((one) => one === 'models' || one === 'tunedModels') : -1
    const inPath = at < 0 ? undefined : decoded[at + 1]
    if (inPath === undefined) return named(this.asked.model)
    const [name, action, ...more] = inPath.split(':')
    // Where it ends nobody knows.
    if (this.#asks && (action === undefined || more.length > 0)) return undefined
    return decoded[at] === 'models' ? name : `${decoded[at]}/${name}`
  }

  /** Models that it names besides. */
  get #others(): readonly string[] {
    const { vendor } = this.#call
    const isInPath = vendor.api === 'google-gemini' && named(this.asked.model) !== this.#model
    const { model, others } = this.asked
    return (isInPath && model !== undefined ? [model, ...others] : others).map((one) => named(one))
  }

  /** Whether it may make a vendor do something that counts. */
  get #asks(): boolean {
    const { method, target } = this.#call
    return this.asked.bytes > 0 || (method === 'POST' && !CANCEL.test(target.path))
  }

  /** What went on before it was judged counts, too. */
  #takeLate(): void {
    if (this.#judged) return
    try {
      this.#takeAnew()
      this.#judged = true
    } catch (error) {
      if (!(error instanceof Problem)) throw error
    }
  }

  #amounts(input: number, output: number): Amounts {
    const tokens = input + output
    if (tokens === 0) return NOTHING
    const price = this.#price
    return { tokens, money: price && Math.ceil(input * price.input + output * price.output) }
  }

  #guessed(reader: UsageReader): number {
    const input = this.asked.tokens()
    return input + reader.events * TOKENS_PER_EVENT[this.#call.vendor.api]
  }

  #usage(whole: boolean): Usage & { readonly estimated: boolean } {
    const reader = this.#reader
    const said = reader?.usage()
    const model = said?.model ?? this.#model
    if (this.#price === undefined && model !== undefined)
      this.#price = this.#ledger.prices.find(this.#call.vendor.id, model)
    const { tokensIn, tokensOut } = said ?? {}
    // A stream that broke off says at its beginning what went in, and at its end, which did not come, what came out.
    const isWhole = tokensOut !== undefined && (whole || reader?.isStream !== true)
    if (reader === undefined || this.#status >= 400 || isWhole) return { model, tokensIn, tokensOut, estimated: false }
    if (!reader.isStream || reader.events === 0) return { model, tokensIn, tokensOut, estimated: false }
    const input = this.asked.tokens()
    const guessed = this.#guessed(reader) - input
    return { model, tokensIn: tokensIn ?? input, tokensOut: Math.max(guessed, tokensOut ?? 0), estimated: true }
  }

  #settle({ tokensIn, tokensOut }: Usage): void {
    const taken = this.#taken
    if (taken === undefined) return
    if (this.#status >= 400) taken.settle(NOTHING)
    else if (tokensIn === undefined && tokensOut === undefined) taken.settleWhole()
    else taken.settle(this.#amounts(tokensIn ?? 0, tokensOut ?? 0))
  }
}

/** Google writes it either way. */
function named(model: string): string
function named(model: string | undefined): string | undefined
function named(model: string | undefined): string | undefined {
  return model?.replace(/^models\//, '')
}

const notAllowed = (what: 'model' | 'path') => llmProblem('llm_not_allowed', { facts: { what } })
