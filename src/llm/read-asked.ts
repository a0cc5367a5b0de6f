/** What a request to a vendor says of itself, read while it passes: its models, and how much it may answer. */
import { JsonPicker } from './json-picker.ts'

const MODEL = 'model'
/** Others to fall back on, as OpenRouter takes them. */
const MODELS = 'models.*'
/** Where else vendors and what stands before them take models: all of them are asked. */
const OTHERS: ReadonlySet<string> = new Set([
  MODELS,
  'models.*.model',
  'fallbacks.*',
  'fallbacks.*.model',
  'fallback_models.*',
  'requests.*.model',
  'requests.*.params.model',
  'tools.*.model',
  'plugins.*.model',
  'extra_body.model',
  'extra_body.models.*',
  'generatecontentrequest.model',
  'generate_content_request.model',
])
const MOST_OTHERS = 256
const CHOICES: ReadonlySet<string> = new Set([
  'n',
  'generationconfig.candidatecount',
  'generation_config.candidate_count',
])

export class AskedReader {
  // Some servers take names of members whatever their case: so here too, and two of them are two answers.
  readonly #picker: JsonPicker
  readonly #bounds: readonly string[]
  readonly #folded: ReadonlySet<string>
  readonly #models: string[] = []
  readonly #others: string[] = []
  #listed: string | undefined
  #isBounded = false
  #output = 0
  #choices = 1
  bytes = 0

  /** `bounds`: names of members by which the vendor bounds its answer there; others it may not heed. */
  constructor(bounds: readonly string[]) {
    this.#bounds = bounds
    this.#folded = new Set(bounds.map((one) => one.toLowerCase()))
    const wanted = new Set([MODEL, ...OTHERS, ...CHOICES, ...this.#folded])
    this.#picker = new JsonPicker(wanted, (path, text, written) => this.#picked(path, text, written), true)
  }

  push(chunk: Buffer): void {
    this.bytes += chunk.length
    this.#picker.push(chunk)
  }

  /** It is no JSON that can be read to its end. */
  get lost(): boolean {
    return this.#picker.lost || this.#others.length > MOST_OTHERS
  }

  /** A server may take it for complete. */
  get whole(): boolean {
    return this.#picker.whole
  }

  /** Undefined where it names none; where it names several, nobody can tell which is meant. */
  get model(): string | undefined {
    if (this.lost || this.#models.length > 1) return undefined
    return this.#models[0] ?? this.#listed
  }

  /** Models that may be asked besides. */
  get others(): readonly string[] {
    return this.#others
  }

  /** The most tokens of answer that it says; undefined where it does not, or where the vendor may not heed it. */
  get mostOutput(): number | undefined {
    return this.#isBounded && !this.lost ? this.#output * this.#choices : undefined
  }

  #picked(path: string, text: string, written: string): void {
    if (path === MODEL) {
      if (this.#models.length < 2) this.#models.push(text)
      return
    }
    if (OTHERS.has(path)) {
      if (path === MODELS) this.#listed ??= text
      if (this.#others.length <= MOST_OTHERS) this.#others.push(text)
      return
    }
    const number = Number(text)
    if (!Number.isSafeInteger(number) || number <= 0) return
    if (CHOICES.has(path)) this.#choices = Math.max(this.#choices, Math.min(number, 128))
    else {
      this.#output = Math.max(this.#output, number)
      // In other letters many do not heed it.
      this.#isBounded ||= this.#bounds.includes(written)
    }
  }
}
