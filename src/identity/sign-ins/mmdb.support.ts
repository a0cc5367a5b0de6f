// For tests: writes databases in MaxMind's format (MaxMind-DB-spec 2.0), so that none need be downloaded.
import { addressBytes } from '../../ground/addresses.ts'

type Value = string | number | boolean | { readonly [name: string]: Value } | readonly Value[] | Typed
/** A number of a certain type; a bare one is a double unless it is a whole number up to 2³²−1. */
interface Typed {
  readonly type: 'uint16' | 'uint64' | 'float'
  readonly value: number
}

export interface MmdbOptions {
  readonly recordSize?: 24 | 28 | 32
  readonly ipVersion?: 4 | 6
  readonly type?: string
  /** Milliseconds since 1970. */
  readonly builtAt?: number
}

interface Tree {
  sides: [Tree | Leaf | undefined, Tree | Leaf | undefined]
  number: number
}
interface Leaf {
  readonly at: number
}

/** A database of these networks (CIDR) and their records. Networks must not overlap. */
export function mmdb(networks: Readonly<Record<string, Value>>, options: MmdbOptions = {}): Buffer {
  const { recordSize = 28, ipVersion = 6, type = 'Test-City', builtAt = 1_767_225_600_000 } = options
  const root: Tree = { sides: [undefined, undefined], number: 0 }
  const data: Buffer[] = []
  let end = 0
  for (const [cidr, record] of Object.entries(networks)) {
    const bytes = encode(record)
    plant(root, bitsOf(cidr, ipVersion), { at: end })
    data.push(bytes)
    end += bytes.length
  }
  const nodes = numbered(root)
  const pointer = (side: Tree | Leaf | undefined) =>
    side === undefined ? nodes.length : 'at' in side ? nodes.length + 16 + side.at : side.number
  const tree = nodes.map(({ sides: [left, right] }) => nodeBytes(recordSize, pointer(left), pointer(right)))
  const metadata = encode({
    binary_format_major_version: { type: 'uint16', value: 2 },
    binary_format_minor_version: { type: 'uint16', value: 0 },
    build_epoch: { type: 'uint64', value: Math.floor(builtAt / 1_000) },
    database_type: type,
    description: { en: 'made by a test' },
    ip_version: { type: 'uint16', value: ipVersion },
    languages: ['en'],
    node_count: nodes.length,
    record_size: { type: 'uint16', value: recordSize },
  })
  const marker = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')
  return Buffer.concat([...tree, Buffer.alloc(16), ...data, marker, metadata])
}

/** A record as city databases have it. */
export function city(country: string, latitude?: number, longitude?: number, radiusKm = 10): Value {
  const place = latitude !== undefined && longitude !== undefined
  return {
    country: { iso_code: country, names: { en: country } },
    ...(place && {
      location: {
        latitude: double(latitude),
        longitude: double(longitude),
        accuracy_radius: typed('uint16', radiusKm),
      },
    }),
  }
}

const typed = (type: Typed['type'], value: number): Typed => ({ type, value })
/** Adds what makes a whole number none, far below what a place is exact to. */
const double = (value: number) => (Number.isInteger(value) ? value + 1e-9 : value)

function bitsOf(cidr: string, ipVersion: 4 | 6): number[] {
  const [address = '', length = ''] = cidr.split('/')
  const bytes = addressBytes(address)!
  const bits = [...bytes].flatMap((byte) => Array.from({ length: 8 }, (_, at) => (byte >> (7 - at)) & 1))
  const kept = bits.slice(0, Number(length))
  return bytes.length === 4 && ipVersion === 6 ? [...new Array<number>(96).fill(0), ...kept] : kept
}

function plant(root: Tree, bits: readonly number[], leaf: Leaf): void {
  let node = root
  for (const bit of bits.slice(0, -1)) {
    const side = node.sides[bit] ?? { sides: [undefined, undefined], number: 0 }
    node.sides[bit] = side
    if ('at' in side) throw new TypeError('networks overlap')
    node = side
  }
  node.sides[bits.at(-1)!] = leaf
}

function numbered(root: Tree): Tree[] {
  const nodes: Tree[] = [root]
  for (const node of nodes) {
    for (const side of node.sides) {
      if (side === undefined || 'at' in side) continue
      side.number = nodes.length
      nodes.push(side)
    }
  }
  return nodes
}

function nodeBytes(recordSize: 24 | 28 | 32, left: number, right: number): Buffer {
  const bytes = Buffer.alloc(recordSize / 4)
  if (recordSize === 32) {
    bytes.writeUInt32BE(left, 0)
    bytes.writeUInt32BE(right, 4)
    return bytes
  }
  bytes.writeUIntBE(left & 0xffffff, 0, 3)
  bytes.writeUIntBE(right & 0xffffff, recordSize === 24 ? 3 : 4, 3)
  if (recordSize === 28) bytes[3] = ((left >>> 24) << 4) | (right >>> 24)
  return bytes
}

/** Control byte (type in three bits, or 0 and the type less 7 in a byte of its own; size in five), then the payload. */
function encode(value: Value): Buffer {
  if (typeof value === 'string') return field(2, Buffer.from(value))
  if (typeof value === 'boolean') return head(14, value ? 1 : 0)
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? field(6, uint(value)) : real(value)
  if (Array.isArray(value)) return Buffer.concat([head(11, value.length), ...value.map(encode)])
  if (isTyped(value)) {
    if (value.type === 'float') return Buffer.concat([head(15, 4), floatBytes(value.value)])
    return field(value.type === 'uint16' ? 5 : 9, uint(value.value))
  }
  const members = Object.entries(value).flatMap(([name, member]) => [encode(name), encode(member as Value)])
  return Buffer.concat([head(7, members.length / 2), ...members])
}

function isTyped(value: object): value is Typed {
  return 'type' in value && 'value' in value && typeof value.value === 'number'
}

function field(type: number, payload: Buffer): Buffer {
  return Buffer.concat([head(type, payload.length), payload])
}

function head(type: number, size: number): Buffer {
  if (size >= 65_821) throw new RangeError('larger than a test needs')
  const [short, more] =
    size < 29 ? [size, []] : size < 285 ? [29, [size - 29]] : [30, [(size - 285) >> 8, (size - 285) & 255]]
  return Buffer.from(type < 8 ? [(type << 5) | short, ...more] : [short, type - 7, ...more])
}

function uint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return Buffer.from(bytes)
}

function real(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return field(3, bytes)
}

function floatBytes(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatBE(value)
  return bytes
}
