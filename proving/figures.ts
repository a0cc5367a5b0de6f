/** What one suite found. `lost`, `leaked` and `wrong` hold one sentence per violation and must stay empty. */
export class Figures {
  readonly suite: string
  /** Requests, writes or trials that went well. */
  load = 0
  /** Kills, cuts, injections, stalls that were survived. */
  faults = 0
  /** Hostile inputs that were tried. */
  inputs = 0
  readonly lost: string[] = []
  readonly leaked: string[] = []
  readonly wrong: string[] = []
  readonly notes: string[] = []
  /** Why the suite could not run here. */
  skipped: string | undefined

  constructor(suite: string) {
    this.suite = suite
  }

  static skip(suite: string, why: string): Figures {
    const figures = new Figures(suite)
    figures.skipped = why
    return figures
  }

  get violations(): string[] {
    return [...this.lost, ...this.leaked, ...this.wrong]
  }

  /** `suite | load held | faults survived | bad inputs tried | lost | leaked | wrong` */
  row(): string {
    if (this.skipped !== undefined) return `${this.suite} | skipped: ${this.skipped}`
    const counts = [this.load, this.faults, this.inputs, this.lost.length, this.leaked.length, this.wrong.length]
    return [this.suite, ...counts].join(' | ')
  }
}

/** The value below which `share` of the numbers lie, e.g. 0.99. */
export function percentile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
