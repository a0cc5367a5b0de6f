/**
 * Packs of git, version 2 (gitformat-pack), read for showing: bounded in objects and bytes, deltas resolved as far as
 * their bases are in the pack. What is wrong ends the reading and is said; nothing is thrown.
 */
import { createHash } from 'node:crypto'
import { inflateSync } from 'node:zlib'
import { applyDelta, DeltaError, readDeltaHead } from './delta.ts'

const MAX_OBJECTS = 20_000
/** Of all objects together, inflated, the results of deltas too. */
const MAX_BYTES = 48 * 1024 ** 2

const types = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' } as const
const OFS_DELTA = 6
const REF_DELTA = 7

export type ObjectType = (typeof types)[keyof typeof types]

export interface PackObject {
  readonly type: ObjectType
  readonly bytes: Buffer
}

/** A change of an object that is not in the pack: the server has it. */
export interface ForeignDelta {
  readonly base: string
  readonly delta: Buffer
}

export interface Pack {
  /** As the pack says. */
  readonly count: number
  /** Those that were read, resolved or not. */
  readonly read: number
  readonly objects: ReadonlyMap<string, PackObject>
  readonly foreign: readonly ForeignDelta[]
  /** Why the reading ended early, or what is wrong. */
  readonly trouble: string | undefined
}

interface Entry {
  readonly at: number
  readonly type: number
  readonly bytes: Buffer
  /** Where the base begins, or its id. */
  readonly base?: number | string
}

class PackError extends Error {}

export function readPack(pack: Buffer, hash: 'sha1' | 'sha256'): Pack {
  const count = pack.length >= 12 && pack.toString('latin1', 0, 4) === 'PACK' ? pack.readUInt32BE(8) : undefined
  if (count === undefined || pack.readUInt32BE(4) !== 2) {
    return { count: 0, read: 0, objects: new Map(), foreign: [], trouble: 'it is no pack of version 2' }
  }
  const budget = new Budget()
  const { entries, trouble } = readEntries(pack, count, hash, budget)
  const resolver = new Resolver(entries, hash, budget)
  const unresolved = resolver.run()
  return {
    count,
    read: entries.length,
    objects: resolver.objects,
    foreign: unresolved.flatMap(({ base, bytes }) => (typeof base === 'string' ? { base, delta: bytes } : [])),
    trouble: trouble ?? resolver.trouble,
  }
}

class Budget {
  #left = MAX_BYTES

  take(bytes: number): void {
    if (bytes > this.#left) throw new PackError('it holds more than is read here')
    this.#left -= bytes
  }
}

function readEntries(pack: Buffer, count: number, hash: 'sha1' | 'sha256', budget: Budget) {
  const entries: Entry[] = []
  const idLength = hash === 'sha1' ? 20 : 32
  const end = pack.length - idLength
  let at = 12
  try {
    while (entries.length < count) {
      if (entries.length === MAX_OBJECTS) throw new PackError(`it holds more than ${MAX_OBJECTS} objects`)
      const { entry, next } = readEntry(pack, at, end, idLength, budget)
      entries.push(entry)
      at = next
    }
    if (at !== end) throw new PackError('something stands behind its objects')
    const sum = createHash(hash).update(pack.subarray(0, end)).digest()
    if (!sum.equals(pack.subarray(end))) throw new PackError('its checksum is wrong, so the server will refuse it')
  } catch (error) {
    if (!(error instanceof PackError)) throw error
    return { entries, trouble: error.message }
  }
  return { entries, trouble: undefined }
}

function readEntry(pack: Buffer, from: number, end: number, idLength: number, budget: Budget) {
  let at = from
  const next = (): number => {
    if (at >= end) throw new PackError('it ends before its last object')
    return pack[at++]!
  }
  let byte = next()
  const type = (byte >> 4) & 7
  let size = byte & 15
  for (let scale = 16; byte >= 0x80; scale *= 128) {
    byte = next()
    size += (byte & 0x7f) * scale
    if (size > MAX_BYTES) throw new PackError('it holds more than is read here')
  }
  let base: number | string | undefined
  if (type === OFS_DELTA) {
    base = from - readOffset(next)
  } else if (type === REF_DELTA) {
    base = pack.toString('hex', at, at + idLength)
    at += idLength
  } else if (!Object.hasOwn(types, type)) throw new PackError('it holds an object of an unknown type')
  budget.take(size)
  const { bytes, used } = inflate(pack.subarray(at, end), size)
  const entry: Entry = { at: from, type, bytes, ...(base === undefined ? {} : { base }) }
  return { entry, next: at + used }
}

/** The distance of an OFS_DELTA: big-endian, each further byte adds one before it is shifted in. */
function readOffset(next: () => number): number {
  let byte = next()
  let offset = byte & 0x7f
  while (byte >= 0x80) {
    byte = next()
    offset = (offset + 1) * 128 + (byte & 0x7f)
    if (offset > 2 ** 40) throw new PackError('it refers to far outside of itself')
  }
  return offset
}

function inflate(input: Buffer, size: number): { readonly bytes: Buffer; readonly used: number } {
  try {
    const { buffer, engine } = inflateSync(input, {
      info: true,
      maxOutputLength: Math.max(1, size),
      chunkSize: Math.min(Math.max(64, size), 65_536),
    }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } }
    if (buffer.length !== size) throw new PackError('an object is not as long as it says')
    return { bytes: buffer, used: engine.bytesWritten }
  } catch (error) {
    if (error instanceof PackError) throw error
    throw new PackError('an object cannot be decompressed')
  }
}

/** Makes objects of entries: a delta as soon as its base is one. Each entry is looked at once, in whatever order they stand. */
class Resolver {
  readonly objects = new Map<string, PackObject>()
  trouble: string | undefined
  /** By where the base begins in the pack, or by its id. */
  readonly #waiting = new Map<number | string, Entry[]>()
  readonly #hash: string
  readonly #budget: Budget
  readonly #entries: readonly Entry[]

  constructor(entries: readonly Entry[], hash: string, budget: Budget) {
    this.#entries = entries
    this.#hash = hash
    this.#budget = budget
  }

  /** Gives back the deltas whose base is not there. */
  run(): Entry[] {
    for (const entry of this.#entries) {
      if (entry.base === undefined) continue
      const others = this.#waiting.get(entry.base)
      if (others === undefined) this.#waiting.set(entry.base, [entry])
      else others.push(entry)
    }
    for (const entry of this.#entries) {
      const type = types[entry.type as keyof typeof types] as ObjectType | undefined
      if (type !== undefined) this.#keep(entry, { type, bytes: entry.bytes })
    }
    return [...this.#waiting.values()].flat()
  }

  #keep(first: Entry, made: PackObject): void {
    const queue = [{ entry: first, object: made }]
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const { entry, object } = next
      const id = idOf(object, this.#hash)
      this.objects.set(id, object)
      for (const key of [entry.at, id]) {
        const dependents = this.#waiting.get(key) ?? []
        this.#waiting.delete(key)
        for (const one of dependents) {
          const bytes = this.#apply(one.bytes, object.bytes)
          if (bytes !== undefined) queue.push({ entry: one, object: { type: object.type, bytes } })
        }
      }
    }
  }

  #apply(delta: Buffer, base: Buffer): Buffer | undefined {
    try {
      this.#budget.take(readDeltaHead(delta).resultSize)
      return applyDelta(delta, base)
    } catch (error) {
      if (!(error instanceof DeltaError) && !(error instanceof PackError)) throw error
      this.trouble ??= error instanceof PackError ? error.message : `a delta in it is broken: ${error.message}`
      return undefined
    }
  }
}

function idOf({ type, bytes }: PackObject, hash: string): string {
  return createHash(hash).update(`${type} ${bytes.length}\0`).update(bytes).digest('hex')
}
