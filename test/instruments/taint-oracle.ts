import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { compressions, plainEncodings } from './encodings.ts'
import { unpack } from './unpack.ts'

/** One canary seen where it was looked for. */
export interface Hit {
  readonly canary: string
  readonly encoding: string
  readonly place: string
  readonly offset: number
}

interface Needle {
  readonly canary: string
  readonly encoding: string
  readonly bytes: Buffer
  /** Hex digits have two cases: such needles are lower case and are looked for in a lower-case copy. */
  readonly folded: boolean
}

/** A value that no other bytes contain by chance; it holds reserved characters, so that every encoding changes it. */
export function freshCanary(prefix = 'cnry'): string {
  return `${prefix}/${randomBytes(9).toString('base64')}+${randomBytes(9).toString('base64url')}=${randomBytes(6).toString('hex')}`
}

/**
 * Searches bytes, files and processes for canary values in the 14 encodings of the test programme.
 * Owns the canaries and everything given to its sinks; it never decides where a canary is allowed: do not search there.
 */
export class TaintOracle {
  readonly #canaries = new Map<string, string>()
  readonly #needles: Needle[] = []
  readonly #sinks = new Map<string, Buffer[]>()

  /** Registers a canary and gives its value. */
  canary(name: string, value: string = freshCanary()): string {
    assert.ok(value.length >= 12, 'a canary shorter than 12 characters is found by chance')
    this.#canaries.set(name, value)
    this.#needles.push(...needlesOf(name, value))
    return value
  }

  /** A place that collects bytes as they come; a canary cut by a chunk border is found all the same. */
  sink(place: string): (chunk: Buffer | string) => void {
    const chunks = this.#sinks.get(place) ?? []
    this.#sinks.set(place, chunks)
    return (chunk) => void chunks.push(typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : Buffer.from(chunk))
  }

  /** All hits in `bytes`, also inside what unpacks out of it. `only` restricts the canaries by name. */
  async search(bytes: Buffer, place: string, only?: readonly string[]): Promise<Hit[]> {
    const hits = this.#direct(bytes, place, only)
    for (const member of await unpack(bytes)) {
      hits.push(...this.#direct(member.bytes, `${place} › ${member.kind}@${member.offset}`, only))
    }
    return hits
  }

  async searchSinks(only?: readonly string[]): Promise<Hit[]> {
    const hits: Hit[] = []
    for (const [place, chunks] of this.#sinks) hits.push(...(await this.search(Buffer.concat(chunks), place, only)))
    return hits
  }

  /** Every regular file under `path`, read in overlapping windows; sockets and links are passed by. */
  async searchTree(path: string, only?: readonly string[]): Promise<Hit[]> {
    const info = await lstat(path).catch(() => undefined)
    if (info === undefined) return []
    if (info.isDirectory()) {
      const hits: Hit[] = []
      for (const name of await readdir(path)) hits.push(...(await this.searchTree(join(path, name), only)))
      return hits
    }
    return info.isFile() ? this.#searchFile(path, only) : []
  }

  /** What other processes can see of a running one: its arguments and its environment. */
  async searchProcess(pid: number, only?: readonly string[]): Promise<Hit[]> {
    const hits: Hit[] = []
    for (const name of ['cmdline', 'environ']) {
      const bytes = readFileSync(`/proc/${pid}/${name}`)
      assert.ok(bytes.length > 0, `/proc/${pid}/${name} is empty: nothing was searched`)
      hits.push(...(await this.search(bytes, `/proc/${name}`, only)))
    }
    return hits
  }

  /** Plants one leak per encoding, plain and compressed, and fails unless each is found. Every suite calls it. */
  async selfTest(): Promise<number> {
    const [name, value] = this.#canaries.entries().next().value ?? ['', '']
    assert.ok(name !== '', 'register a canary before the self-test')
    let planted = 0
    for (const [encoding, encode] of Object.entries(plainEncodings)) {
      const leak = Buffer.concat([randomBytes(37), encode(value), randomBytes(41)])
      assert.ok((await this.search(leak, 'planted', [name])).length > 0, `the oracle misses ${encoding}`)
      planted++
      for (const [packing, pack] of Object.entries(compressions)) {
        const head = Buffer.from('HTTP/1.1 200 OK\r\n\r\n')
        const packed = Buffer.concat([head, pack(leak)])
        assert.ok(
          (await this.search(packed, 'planted', [name])).length > 0,
          `the oracle misses ${encoding} in ${packing}`,
        )
        planted++
      }
    }
    return planted
  }

  #direct(bytes: Buffer, place: string, only?: readonly string[]): Hit[] {
    const hits: Hit[] = []
    let folded: Buffer | undefined
    for (const needle of this.#needles) {
      if (only !== undefined && !only.includes(needle.canary)) continue
      if (needle.folded) folded ??= lowerCase(bytes)
      const offset = (needle.folded ? folded! : bytes).indexOf(needle.bytes)
      if (offset !== -1) hits.push({ canary: needle.canary, encoding: needle.encoding, place, offset })
    }
    return hits
  }

  async #searchFile(path: string, only?: readonly string[]): Promise<Hit[]> {
    const hits: Hit[] = []
    let tail = Buffer.alloc(0)
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
      const piece = chunk as Buffer
      if (allZero(piece)) {
        tail = Buffer.alloc(0)
        continue
      }
      const window = Buffer.concat([tail, piece])
      hits.push(...(await this.search(window, path, only)))
      tail = Buffer.from(window.subarray(Math.max(0, window.length - 4096)))
    }
    return hits
  }
}

/** Fails with every hit listed, by place and encoding. */
export function assertClean(hits: readonly Hit[]): void {
  const lines = hits.map((hit) => `${hit.canary} as ${hit.encoding} in ${hit.place} at ${hit.offset}`)
  assert.deepEqual(lines, [])
}

function needlesOf(canary: string, value: string): Needle[] {
  const needles: Needle[] = []
  const add = (encoding: string, bytes: Buffer, folded = false): void => {
    const sought = folded ? lowerCase(bytes) : bytes
    if (needles.some((needle) => needle.bytes.equals(sought))) return
    needles.push({ canary, encoding, bytes: sought, folded })
  }
  for (const [encoding, encode] of Object.entries(plainEncodings)) {
    const alignment = /^(base64|base64url)-(\d)$/.exec(encoding)
    if (alignment !== null) {
      add(encoding, base64Core(value, Number(alignment[2]), alignment[1] as 'base64' | 'base64url'))
    } else {
      add(encoding, encode(value), /^(hex|percent|json|html)/.test(encoding))
    }
  }
  return needles
}

/** The characters of a base64 text that depend on the value alone, `shift` bytes after a group's border. */
function base64Core(value: string, shift: number, alphabet: 'base64' | 'base64url'): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(value, 'latin1')])
  const first = Math.ceil((shift * 8) / 6)
  const last = Math.floor((bytes.length * 8) / 6)
  return Buffer.from(bytes.toString(alphabet).slice(first, last), 'latin1')
}

function lowerCase(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').toLowerCase(), 'latin1')
}

const zeros = Buffer.alloc(1 << 20)
function allZero(bytes: Buffer): boolean {
  return bytes.equals(zeros.subarray(0, bytes.length))
}
