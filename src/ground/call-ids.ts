import type { CallId } from './ids.ts'

/**
 * Ids for calls: `call_`, the boot id, then a counter in base 36. They name a call in headers, logs and records and guard
 * nothing, so they are counted, not drawn: unique in one log, in order, and cheap on the hot path.
 */
export function callIds(bootId: string): () => CallId {
  let count = 0
  return () => {
    count += 1
    return `call_${bootId}${count.toString(36).padStart(6, '0')}` as CallId
  }
}
