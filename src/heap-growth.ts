import { constants, PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'

/** Of what lives longer than a call, so much may gather between two collections. */
const STEP_BYTES = 32 * 1024 * 1024
const LEAST_PERCENT = 20
/** As bin/run-node.js starts it. */
const MOST_PERCENT = 70

/** What the old heap may grow by after a collection that left `bytes` alive, in per cent. */
export function growthPercent(bytes: number): number {
  return Math.round(Math.min(MOST_PERCENT, Math.max(LEAST_PERCENT, (100 * STEP_BYTES) / bytes)))
}

/**
 * Has the old heap collected after it grew by some 32 MB, whatever its size. V8 knows shares alone: a fifth of a small heap is
 * collected several times a second where many calls run at once, which costs them a third of their time; twice a large one is
 * hundreds of megabytes.
 */
export function keepHeapGrowth(): void {
  let percent = MOST_PERCENT
  const look = () => {
    const wanted = growthPercent(getHeapStatistics().used_heap_size)
    if (wanted === percent) return
    percent = wanted
    setFlagsFromString(`--heap-growing-percent=${percent}`)
  }
  const observer = new PerformanceObserver((list) => {
    if (list.getEntries().some(isMajor)) look()
  })
  observer.observe({ entryTypes: ['gc'] })
}

function isMajor(entry: object): boolean {
  const { detail } = entry as { readonly detail?: { readonly kind?: number } }
  return detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR
}
