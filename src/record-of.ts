import type { ChangeRecord } from './storage/storage.ts'

/** A change's record as the log takes it. */
export function recordOf({ type, ev, actor, approval }: ChangeRecord) {
  return { type, ev, ...(actor && { actor }), ...(approval && { approval }) }
}
