/** What a request to a vendor says of itself, read while it passes: its models, and how much it may answer. */
import { JsonPicker } from './json-picker.ts'
import { FormReader } from './read-form.ts'

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
/** About so many bytes of text are a token. */
const BYTES_PER_TOKEN = 4
/** Of a file in a form, which is sound or an image, more are; and none is so small that it is fewer than this. */
const BYTES_PER_FILE_TOKEN = 64
const LEAST_OF_FILE = 1_024
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
  readonly #form: FormReader | undefined
  bytes = 0

  /**
   * `bounds`: names of members by which the vendor bounds its answer there; others it may not heed. `type`: the request's only
   * `Content-Type`.
   */
  constructor(bounds: readonly string[], type = '') {
    this.#form = FormReader.of(type)
    this.#bounds = bounds
    this.#folded = new Set(bounds.map((one) => one.toLowerCase()))
    const wanted = new Set([MODEL, ...OTHERS, ...CHOICES, ...this.#folded])
    this.#picker = new JsonPicker(wanted, (path, text, written) => this.#picked(path, text, written), true)
  }

  push(chunk: Buffer): void {
    this.bytes += chunk.length
    if (this.#form === undefined) this.#picker.push(chunk)
    else this.#form.push(chunk)
  }

  /** All of the body was pushed. */
  end(): void {
    if (this.bytes > 0) this.#form?.end()
  }

  /** About so many tokens go in. `length`: bytes of the whole body, as far as it is said. */
  tokens(length = 0): number {
    const form = this.#form
    const more = Math.max(0, length - this.bytes)
    if (form === undefined || form.lost) return Math.ceil((this.bytes + more) / BYTES_PER_TOKEN)
    // What is still to come is the rest of a file: of text there is little.
    const files = Math.max(form.files * LEAST_OF_FILE, Math.ceil((form.fileBytes + more) / BYTES_PER_FILE_TOKEN))
    return files + Math.ceil(form.textBytes / BYTES_PER_TOKEN)
  }

  /** It is no JSON, and no form, that can be read to its end. */
  get lost(): boolean {
    return this.#form?.lost ?? (this.#picker.lost || this.#others.length > MOST_OTHERS)
  }

  /** A server may take it for complete. */
  get whole(): boolean {
    return this.#form?.whole ?? this.#picker.whole
  }

  /** Undefined where it names none; where it names several, nobody can tell which is meant. */
  get model(): string | undefined {
    const models = this.#form?.models ?? this.#models
    if (this.lost || models.length > 1) return undefined
    return models[0] ?? this.#listed
  }

  /** Models that may be asked besides. */
  get others(): readonly string[] {
    return this.#form?.others ?? this.#others
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
