/** Where the pieces of a stream end, of which each is an event's line, a line of JSON or an element of a list. */
export interface Pieces {
  /** Index behind the piece that goes on at `at`; -1 where it does not end in this chunk. */
  end(chunk: Buffer, at: number): number
}

const LINE_FEED = 0x0a
const RETURN = 0x0d
const QUOTE = 0x22
const BACKSLASH = 0x5c

export class Lines implements Pieces {
  /** Where the next carriage return of a chunk is, so that one without any is searched for it once. */
  #return = -1

  end(chunk: Buffer, at: number): number {
    const feed = chunk.indexOf(LINE_FEED, at)
    if (at === 0 || (this.#return >= 0 && this.#return < at)) this.#return = chunk.indexOf(RETURN, at)
    const back = this.#return
    if (back < 0 || (feed >= 0 && feed < back)) return feed + 1 || -1
    return chunk[back + 1] === LINE_FEED ? back + 2 : back + 1
  }
}

/** Of a list in JSON: an element, or what stands between two of them; what is no list is one. What is no JSON ends somewhere. */
export class Elements implements Pieces {
  #depth = 0
  /** Within so many brackets elements stand. */
  #outside = 1
  #inString = false
  #escaped = false

  end(chunk: Buffer, from: number): number {
    let at = from
    while (at < chunk.length) {
      if (this.#inString) at = this.#string(chunk, at)
      else {
        const byte = chunk[at] as number
        const isOpening = byte === 0x7b || byte === 0x5b
        // What stands between elements goes on by itself.
        if (isOpening && this.#depth === this.#outside && at > from) return at
        if (isOpening && this.#depth === 0) this.#outside = byte === 0x5b ? 1 : 0
        at += 1
        if (byte === QUOTE) this.#inString = true
        else if (isOpening) this.#depth += 1
        else if (byte === 0x7d || byte === 0x5d) {
          this.#depth = Math.max(0, this.#depth - 1)
          if (this.#depth === this.#outside) return at
        }
      }
    }
    return this.#depth <= this.#outside && !this.#inString ? at : -1
  }

  #string(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at]
      if (this.#escaped) this.#escaped = false
      else if (byte === BACKSLASH) this.#escaped = true
      else if (byte === QUOTE) {
        this.#inString = false
        return at + 1
      }
    }
    return chunk.length
  }
}
