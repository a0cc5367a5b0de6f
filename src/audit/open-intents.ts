import type { IntentEntry } from './entries.ts'

const PLACES = 4_096

/**
 * Intents without outcome, by request id. Not a Map: every call goes in and out, and of a Map that is filled and emptied
 * all the time the dead tables hang together, so that one of them in old memory keeps all that came after it.
 */
export class OpenIntents {
  readonly #places: (IntentEntry | undefined)[] = new Array(PLACES).fill(undefined)

  get(rid: string): IntentEntry | undefined {
    let entry = this.#places[placeOf(rid)]
    while (entry !== undefined && entry.rid !== rid) entry = entry.next
    return entry
  }

  /** The caller has seen that there is none with this id. */
  add(entry: IntentEntry): void {
    const place = placeOf(entry.rid)
    entry.next = this.#places[place]
    this.#places[place] = entry
  }

  remove(rid: string): void {
    const place = placeOf(rid)
    let before: IntentEntry | undefined
    let entry = this.#places[place]
    while (entry !== undefined && entry.rid !== rid) {
      before = entry
      entry = entry.next
    }
    if (entry === undefined) return
    if (before === undefined) this.#places[place] = entry.next
    else before.next = entry.next
    entry.next = undefined
  }

  /** The lowest place in the log that one of them has; undefined if none has one yet. Looks at all of them. */
  lowest(): number | undefined {
    let lowest: number | undefined
    for (let entry of this.#places) {
      for (; entry !== undefined; entry = entry.next) {
        if (entry.seq >= 0 && (lowest === undefined || entry.seq < lowest)) lowest = entry.seq
      }
    }
    return lowest
  }
}

/** By its last characters: request ids are counted, so those differ. */
function placeOf(rid: string): number {
  let hash = 0
  for (let at = Math.max(0, rid.length - 6); at < rid.length; at += 1) hash = (hash * 37 + rid.charCodeAt(at)) | 0
  return hash & (PLACES - 1)
}
