import type { Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'

/** Most that one compressed member may unpack to; more would let a planted bomb stop the search. */
const unpackedLimit = 8 * 1024 * 1024

interface Kind {
  readonly name: string
  readonly magics: readonly Buffer[]
  readonly open: () => Transform
}

const kinds: readonly Kind[] = [
  { name: 'gzip', magics: [Buffer.from([0x1f, 0x8b, 0x08])], open: () => createGunzip() },
  {
    name: 'deflate',
    magics: [0x01, 0x5e, 0x9c, 0xda].map((flags) => Buffer.from([0x78, flags])),
    open: () => createInflate(),
  },
  { name: 'zstd', magics: [Buffer.from([0x28, 0xb5, 0x2f, 0xfd])], open: () => createZstdDecompress() },
]

export interface Unpacked {
  readonly kind: string
  readonly offset: number
  readonly bytes: Buffer
}

/** Everything that unpacks out of `bytes`: members found by their magic anywhere, brotli (which has none) at the start of
 * each region: the whole and whatever follows an HTTP head, also with its chunk framing taken off. */
export async function unpack(bytes: Buffer): Promise<Unpacked[]> {
  const found: Unpacked[] = []
  for (const region of regionsOf(bytes)) {
    for (const kind of kinds) {
      for (const magic of kind.magics) await unpackAt(region, magic, kind, found)
    }
    await keep(found, 'br', region, 0, createBrotliDecompress())
  }
  return found
}

async function unpackAt(region: Buffer, magic: Buffer, kind: Kind, found: Unpacked[]): Promise<void> {
  for (let at = region.indexOf(magic); at !== -1; at = region.indexOf(magic, at + 1)) {
    await keep(found, kind.name, region, at, kind.open())
  }
}

async function keep(found: Unpacked[], kind: string, from: Buffer, offset: number, stream: Transform): Promise<void> {
  const bytes = await drain(stream, from.subarray(offset))
  if (bytes.length > 0) found.push({ kind, offset, bytes })
}

/** What the stream gives until it ends, breaks or exceeds the limit: a leak before the damage is still a leak. */
function drain(stream: Transform, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    const done = (): void => {
      stream.destroy()
      resolve(Buffer.concat(chunks))
    }
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      if (size > unpackedLimit) done()
    })
    stream.once('end', done)
    stream.once('error', done)
    stream.end(bytes)
  })
}

function regionsOf(bytes: Buffer): Buffer[] {
  const regions = [bytes]
  const separator = Buffer.from('\r\n\r\n')
  for (let at = bytes.indexOf(separator); at !== -1; at = bytes.indexOf(separator, at + 4)) {
    const body = bytes.subarray(at + 4)
    if (body.length === 0) continue
    regions.push(body)
    const bare = withoutChunks(body)
    if (bare !== undefined) regions.push(bare)
    if (regions.length > 64) break
  }
  return regions
}

/** The body without its chunk framing, or undefined when it does not begin like one. A cut tail is kept. */
export function withoutChunks(body: Buffer): Buffer | undefined {
  const parts: Buffer[] = []
  let at = 0
  while (at < body.length) {
    const end = body.indexOf('\r\n', at)
    if (end === -1 || end - at > 18) break
    const size = /^[0-9A-Fa-f]{1,8}/.exec(body.toString('latin1', at, end))
    if (size === null) break
    const length = Number.parseInt(size[0], 16)
    if (length === 0) break
    parts.push(body.subarray(end + 2, end + 2 + length))
    at = end + 2 + length + 2
  }
  return parts.length === 0 ? undefined : Buffer.concat(parts)
}
