import { usualPrices } from './usual-prices.ts'

/** Dollars for a million tokens, which is millionths of a dollar for one. */
export interface Price {
  readonly input: number
  readonly output: number
}

export interface PriceRow extends Price {
  readonly vendor: string
  /** The beginning of models' names where an operator says so, else a model; empty for all. */
  readonly model: string
}

/** What may follow a usual name and be the same model: a date, or that it is the newest. */
const SAME_MODEL = /^(?:-(?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest))?$/

/**
 * What models cost. An operator prices beginnings of names, of which the longest counts. What is usual is the price of one model
 * alone: a variant of it may cost ten times as much, and is one that nobody knows.
 */
export class Prices {
  readonly #own = new Map<string, PriceRow>()
  #byVendor = new Map<string, readonly PriceRow[]>()

  constructor() {
    this.#index()
  }

  find(vendor: string, model: string): Price | undefined {
    return this.#byVendor.get(vendor)?.find((row) => this.#isFor(row, model))
  }

  #isFor(row: PriceRow, model: string): boolean {
    if (!model.startsWith(row.model)) return false
    return row.model === '' || this.#own.has(priceId(row)) || SAME_MODEL.test(model.slice(row.model.length))
  }

  put(row: PriceRow): void {
    this.#own.set(priceId(row), row)
    this.#index()
  }

  remove(id: string): void {
    this.#own.delete(id)
    this.#index()
  }

  /** `own`: an operator said so. */
  list(): readonly (PriceRow & { readonly own: boolean })[] {
    return [...this.#byVendor.values()].flat().map((row) => ({ ...row, own: this.#own.has(priceId(row)) }))
  }

  clear(): void {
    this.#own.clear()
    this.#index()
  }

  #index(): void {
    const usual = usualPrices.filter((row) => !this.#own.has(priceId(row)))
    const all = [...this.#own.values(), ...usual].sort((one, other) => other.model.length - one.model.length)
    this.#byVendor = new Map(Map.groupBy(all, ({ vendor }) => vendor))
  }
}

export const priceId = ({ vendor, model }: Pick<PriceRow, 'vendor' | 'model'>) => `${vendor}/${model}`
