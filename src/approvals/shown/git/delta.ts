/** Deltas of git packs (gitformat-pack, "Deltified representation"). */

export interface DeltaHead {
  readonly baseSize: number
  readonly resultSize: number
  /** Where the instructions begin. */
  readonly start: number
}

export class DeltaError extends Error {}

export function readDeltaHead(delta: Buffer): DeltaHead {
  const base = readSize(delta, 0)
  const result = readSize(delta, base.end)
  return { baseSize: base.size, resultSize: result.size, start: result.end }
}

function readSize(bytes: Buffer, from: number): { readonly size: number; readonly end: number } {
  let size = 0
  let scale = 1
  for (let at = from; at < bytes.length && at < from + 7; at++) {
    const byte = bytes[at]!
    size += (byte & 0x7f) * scale
    if (byte < 0x80) return { size, end: at + 1 }
    scale *= 128
  }
  throw new DeltaError('a size without an end')
}

interface Steps {
  copy(offset: number, size: number): void
  insert(bytes: Buffer): void
}

/** Goes through the instructions; throws DeltaError where they make no sense. */
function follow(delta: Buffer, start: number, steps: Steps): void {
  let at = start
  while (at < delta.length) {
    const byte = delta[at++]!
    if (byte === 0) throw new DeltaError('a reserved instruction')
    if (byte < 0x80) {
      if (at + byte > delta.length) throw new DeltaError('an insertion beyond the end')
      steps.insert(delta.subarray(at, at + byte))
      at += byte
      continue
    }
    let offset = 0
    let size = 0
    for (let bit = 0; bit < 7; bit++) {
      if ((byte & (1 << bit)) === 0) continue
      if (at >= delta.length) throw new DeltaError('a copy without its numbers')
      const value = delta[at++]! * 2 ** (8 * (bit % 4))
      if (bit < 4) offset += value
      else size += value
    }
    steps.copy(offset, size === 0 ? 0x10000 : size)
  }
}

/** The object that the delta makes of its base. */
export function applyDelta(delta: Buffer, base: Buffer): Buffer {
  const { baseSize, resultSize, start } = readDeltaHead(delta)
  if (baseSize !== base.length) throw new DeltaError('the base is of another size')
  const result = Buffer.alloc(resultSize)
  let filled = 0
  const put = (bytes: Buffer): void => {
    if (filled + bytes.length > resultSize) throw new DeltaError('more than it says')
    bytes.copy(result, filled)
    filled += bytes.length
  }
  follow(delta, start, {
    copy(offset, size) {
      if (offset + size > base.length) throw new DeltaError('a copy from beyond the base')
      put(base.subarray(offset, offset + size))
    },
    insert: put,
  })
  if (filled !== resultSize) throw new DeltaError('less than it says')
  return result
}

/** What the delta brings itself, where its base is not at hand. */
export function insertedBy(delta: Buffer): Buffer[] {
  const inserted: Buffer[] = []
  let joins = false
  follow(delta, readDeltaHead(delta).start, {
    copy: () => {
      joins = false
    },
    insert(bytes) {
      if (joins) inserted.push(Buffer.concat([inserted.pop()!, bytes]))
      else inserted.push(bytes)
      joins = true
    },
  })
  return inserted
}
