/**
 * What an answer says of the tokens that it took, read while it passes: OpenAI's, Anthropic's, Google's and Ollama's shapes, whole
 * or as events. Holds a few numbers, however long the answer is. What the model itself said is not looked into: the numbers
 * stand at their places or nowhere.
 */
import { JsonPicker } from './json-picker.ts'
import type { StreamKind } from './stream-kind.ts'

/** Undefined where the answer did not say. */
export interface Usage {
  readonly model: string | undefined
  readonly tokensIn: number | undefined
  readonly tokensOut: number | undefined
}

type Metric = 'input' | 'output' | 'cacheWritten' | 'cacheRead' | 'thoughts' | 'toolUse'

const OPENAI_AND_ANTHROPIC: Readonly<Record<string, Metric>> = {
  prompt_tokens: 'input',
  completion_tokens: 'output',
  input_tokens: 'input',
  output_tokens: 'output',
  cache_creation_input_tokens: 'cacheWritten',
  cache_read_input_tokens: 'cacheRead',
}
const GOOGLE: Readonly<Record<string, Metric>> = {
  promptTokenCount: 'input',
  candidatesTokenCount: 'output',
  thoughtsTokenCount: 'thoughts',
  toolUsePromptTokenCount: 'toolUse',
}
const OLLAMA: Readonly<Record<string, Metric>> = { prompt_eval_count: 'input', eval_count: 'output' }

const places = new Map<string, Metric>([
  ...['usage', 'response.usage', 'message.usage', 'x_groq.usage'].flatMap((at) => below(at, OPENAI_AND_ANTHROPIC)),
  ...['usageMetadata', '*.usageMetadata'].flatMap((at) => below(at, GOOGLE)),
  ...Object.entries(OLLAMA),
])
const MODEL: ReadonlySet<string> = new Set([
  'model',
  'message.model',
  'response.model',
  'modelVersion',
  '*.modelVersion',
])
const wanted: ReadonlySet<string> = new Set([...places.keys(), ...MODEL])

function below(at: string, names: Readonly<Record<string, Metric>>): [string, Metric][] {
  return Object.entries(names).map(([name, metric]) => [`${at}.${name}`, metric])
}

const MOST_TOKENS = 1_000_000_000
const DATA = Buffer.from('data:')
const LINE_FEED = 0x0a
const RETURN = 0x0d

export class UsageReader {
  readonly #numbers = new Map<Metric, number>()
  readonly #picker = new JsonPicker(wanted, (path, text) => this.#picked(path, text))
  readonly #isEvents: boolean
  readonly #isLines: boolean
  readonly #isList: boolean
  #model: string | undefined
  /** Where the reader is in a line of an event stream: so many bytes of `data:` were seen, in it (-1), or past it (-2). */
  #matched = 0
  /** Where the next carriage return of the chunk is, so that one without any is searched for it once. */
  #return = -1
  /** Events with data, lines, or elements of the list that streams. */
  events = 0

  constructor(kind: StreamKind | undefined) {
    this.#isEvents = kind === 'events'
    this.#isLines = kind === 'lines'
    this.#isList = kind === 'list'
  }

  get isStream(): boolean {
    return this.#isEvents || this.#isLines || this.#isList
  }

  push(chunk: Buffer): void {
    if (this.#isEvents) this.#events(chunk)
    else if (this.#isLines) this.#lines(chunk)
    else this.#picker.push(chunk)
    if (this.#isList) this.events = this.#picker.elements
  }

  usage(): Usage {
    this.#picker.end()
    const of = (...metrics: Metric[]) => {
      const said = metrics.flatMap((metric) => this.#numbers.get(metric) ?? [])
      return said.length === 0 ? undefined : said.reduce((sum, one) => sum + one, 0)
    }
    return {
      model: this.#model,
      tokensIn: of('input', 'cacheWritten', 'cacheRead', 'toolUse'),
      tokensOut: of('output', 'thoughts'),
    }
  }

  #picked(path: string, text: string): void {
    if (MODEL.has(path)) {
      this.#model ??= text.slice(0, 200)
      return
    }
    const metric = places.get(path)
    const number = Number(text)
    if (metric === undefined || !Number.isFinite(number)) return
    this.#numbers.set(metric, Math.min(MOST_TOKENS, Math.max(0, Math.round(number))))
  }

  #events(chunk: Buffer): void {
    let at = 0
    this.#return = chunk.indexOf(RETURN)
    while (at < chunk.length) {
      if (this.#matched === -1 || this.#matched === -2) at = this.#restOfLine(chunk, at)
      else at = this.#beginOfLine(chunk, at)
    }
  }

  #beginOfLine(chunk: Buffer, at: number): number {
    const byte = chunk[at] as number
    if (byte === LINE_FEED || byte === RETURN) this.#matched = 0
    else if (byte !== DATA[this.#matched]) this.#matched = -2
    else if (this.#matched + 1 === DATA.length) {
      this.#matched = -1
      this.#picker.reset()
      this.events += 1
    } else this.#matched += 1
    return at + 1
  }

  #restOfLine(chunk: Buffer, at: number): number {
    const end = this.#lineEnd(chunk, at)
    const line = chunk.subarray(at, end < 0 ? chunk.length : end)
    if (this.#matched === -1) {
      this.#picker.push(line)
    }
    if (end < 0) return chunk.length
    if (this.#matched === -1) this.#picker.end()
    this.#matched = 0
    return end + 1
  }

  #lineEnd(chunk: Buffer, at: number): number {
    const feed = chunk.indexOf(LINE_FEED, at)
    if (this.#return >= 0 && this.#return < at) this.#return = chunk.indexOf(RETURN, at)
    const back = this.#return
    if (feed < 0 || back < 0) return Math.max(feed, back)
    return Math.min(feed, back)
  }

  #lines(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      const end = chunk.indexOf(LINE_FEED, at)
      this.#picker.push(chunk.subarray(at, end < 0 ? chunk.length : end))
      if (end < 0) return
      this.#picker.end()
      this.#picker.reset()
      this.events += 1
      at = end + 1
    }
  }
}
