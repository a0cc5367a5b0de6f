import { usualPrices } from './usual-prices.ts'

/** Dollars for a million tokens, which is millionths of a dollar for one. */
export interface Price {
  readonly input: number
  readonly output: number
}

export interface PriceRow extends Price {
  readonly vendor: string
  /** The beginning of models' names; empty for all. */
  readonly model: string
}

/** What models cost, by the longest beginning of their name that somebody priced; what an operator says goes first. */
export class Prices {
  readonly #own = new Map<string, PriceRow>()
  #byVendor = new Map<string, readonly PriceRow[]>()

  constructor() {
    this.#index()
  }

  find(vendor: string, model: string): Price | undefined {
    return this.#byVendor.get(vendor)?.find((row) => model.startsWith(row.model))
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
