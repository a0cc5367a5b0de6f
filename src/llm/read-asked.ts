/** What a request to a vendor says of itself, read while it passes: the model, and how much it may answer. */
import { JsonPicker } from './json-picker.ts'

const MODEL = 'model'
/** Others to fall back on, as OpenRouter takes them. */
const MODELS = 'models.*'
const OUTPUT: ReadonlySet<string> = new Set([
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'generationconfig.maxoutputtokens',
  'generation_config.max_output_tokens',
  'options.num_predict',
])
const CHOICES: ReadonlySet<string> = new Set([
  'n',
  'generationconfig.candidatecount',
  'generation_config.candidate_count',
])
const wanted: ReadonlySet<string> = new Set([MODEL, MODELS, ...OUTPUT, ...CHOICES])

export class AskedReader {
  // Some servers take names of members whatever their case: so here too, and two of them are two answers.
  readonly #picker = new JsonPicker(wanted, (path, text) => this.#picked(path, text), true)
  readonly #models: string[] = []
  #output = 0
  #choices = 1
  bytes = 0

  push(chunk: Buffer): void {
    this.bytes += chunk.length
    this.#picker.push(chunk)
  }

  /** Undefined where it names none; where it names several, nobody can tell which is meant. */
  get model(): string | undefined {
    return this.#models.length === 1 && !this.#picker.lost ? this.#models[0] : undefined
  }

  /** The most tokens of answer that it says; undefined where it does not. */
  get mostOutput(): number | undefined {
    return this.#output > 0 ? this.#output * this.#choices : undefined
  }

  #picked(path: string, text: string): void {
    if (path === MODEL || path === MODELS) {
      if (this.#models.length < 2) this.#models.push(text)
      return
    }
    const number = Number(text)
    if (!Number.isSafeInteger(number) || number <= 0) return
    if (OUTPUT.has(path)) this.#output = Math.max(this.#output, number)
    else this.#choices = Math.max(this.#choices, Math.min(number, 128))
  }
}
