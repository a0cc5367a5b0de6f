// Which IP addresses the gateway may dial. An address is judged by its bytes, never by its spelling: text that is not a
// plain address is refused, and addresses that carry an IPv4 address inside are judged by what they carry.
import { problemsOf } from './problem.ts'

/** Addresses that one service may reach although they are refused to everybody else. */
export interface AddressSet {
  readonly cidrs: readonly string[]
  readonly ranges: readonly Range[]
}

interface Range {
  readonly name: string
  readonly bytes: Uint8Array
  readonly bits: number
}

export const addressProblems = {
  address_range_invalid: {
    status: 400,
    title: 'Cannot read the address range',
    hint: 'Write an address such as 10.1.2.3 or a range such as 10.1.0.0/16 or fd00:1::/32.',
  },
} as const

const problem = problemsOf(addressProblems)

/** Sets are given as CIDR ranges or single addresses. Throws Problem `address_range_invalid`. */
export function addressSet(cidrs: readonly string[]): AddressSet {
  return { cidrs: [...cidrs], ranges: cidrs.map((cidr) => range(cidr, cidr)) }
}

// Instance metadata: gives credentials to whoever asks. A service reaches one of these only by naming that one address.
const metadata = [
  range('metadata', '169.254.169.254'),
  range('metadata', '169.254.170.2'),
  range('metadata', '168.63.129.16'),
  range('metadata', '100.100.100.200'),
  range('metadata', 'fd00:ec2::254'),
  range('metadata', 'fd20:ce::254'),
]

// IANA special-purpose address registries (RFC 6890 and later), what is not reachable or not meant for the public.
const blocked4 = [
  range('this network', '0.0.0.0/8'),
  range('private', '10.0.0.0/8'),
  range('carrier NAT', '100.64.0.0/10'),
  range('loopback', '127.0.0.0/8'),
  range('link-local', '169.254.0.0/16'),
  range('private', '172.16.0.0/12'),
  range('IETF protocols', '192.0.0.0/24'),
  range('documentation', '192.0.2.0/24'),
  range('6to4 relay', '192.88.99.0/24'),
  range('private', '192.168.0.0/16'),
  range('benchmarking', '198.18.0.0/15'),
  range('documentation', '198.51.100.0/24'),
  range('documentation', '203.0.113.0/24'),
  range('multicast', '224.0.0.0/4'),
  range('reserved', '240.0.0.0/4'),
]

const blocked6 = [
  range('unspecified', '::/128'),
  range('loopback', '::1/128'),
  range('unique local', 'fc00::/7'),
  range('link-local', 'fe80::/10'),
  range('site-local', 'fec0::/10'),
  range('multicast', 'ff00::/8'),
  range('Teredo', '2001::/32'),
  range('IETF protocols', '2001::/23'),
  range('documentation', '2001:db8::/32'),
  range('documentation', '3fff::/20'),
]

const GLOBAL_UNICAST = range('global unicast', '2000::/3')

// IPv6 prefixes with an IPv4 address inside, and the byte at which it starts.
const wrappers = [
  { prefix: range('mapped', '::ffff:0:0/96'), at: 12 },
  { prefix: range('translated', '::ffff:0:0:0/96'), at: 12 },
  { prefix: range('NAT64', '64:ff9b::/96'), at: 12 },
  { prefix: range('6to4', '2002::/16'), at: 2 },
]

/** The name of the range for which this address is refused, or undefined if it may be dialled. `allowed` opens more. */
export function refusedAddress(ip: string, allowed?: AddressSet): string | undefined {
  const bytes = addressBytes(ip)
  if (bytes === undefined) return 'not an address'
  return judge(bytes, allowed)
}

/** Whether an address of these bytes lies in one of the set's ranges. */
export function holdsAddress(set: AddressSet, bytes: Uint8Array): boolean {
  return set.ranges.some((candidate) => holds(candidate, bytes))
}

function judge(bytes: Uint8Array, allowed: AddressSet | undefined): string | undefined {
  const wrapper = wrapperOf(bytes)
  if (wrapper !== undefined) return judge(bytes.slice(wrapper.at, wrapper.at + 4), allowed)
  const single = nameIn(metadata, bytes)
  if (single !== undefined)
    return allowed?.ranges.some((open) => open.bits === bytes.length * 8 && holds(open, bytes)) ? undefined : single
  if (allowed?.ranges.some((open) => holds(open, bytes))) return undefined
  const name = nameIn(bytes.length === 4 ? blocked4 : blocked6, bytes)
  if (name !== undefined) return name
  return bytes.length === 16 && !holds(GLOBAL_UNICAST, bytes) ? 'not global unicast' : undefined
}

function wrapperOf(bytes: Uint8Array) {
  return bytes.length === 16 ? wrappers.find((candidate) => holds(candidate.prefix, bytes)) : undefined
}

function nameIn(ranges: readonly Range[], bytes: Uint8Array): string | undefined {
  return ranges.find((candidate) => holds(candidate, bytes))?.name
}

function holds(candidate: Range, bytes: Uint8Array): boolean {
  if (candidate.bytes.length !== bytes.length) return false
  const whole = candidate.bits >> 3
  for (let i = 0; i < whole; i++) if (candidate.bytes[i] !== bytes[i]) return false
  const rest = candidate.bits & 7
  if (rest === 0) return true
  const mask = 0xff << (8 - rest)
  return (candidate.bytes[whole]! & mask) === (bytes[whole]! & mask)
}

function range(name: string, cidr: string): Range {
  const slash = cidr.indexOf('/')
  const bytes = addressBytes(slash === -1 ? cidr : cidr.slice(0, slash))
  if (bytes === undefined) throw problem('address_range_invalid', { detail: `Not an address: '${cidr}'.` })
  const most = bytes.length * 8
  const text = slash === -1 ? String(most) : cidr.slice(slash + 1)
  const bits = /^(0|[1-9][0-9]{0,2})$/.test(text) ? Number(text) : -1
  if (bits < 0 || bits > most) throw problem('address_range_invalid', { detail: `Not a prefix length: '${cidr}'.` })
  return { name, bytes, bits }
}

/** 4 or 16 bytes of a plain IPv4 or IPv6 address; undefined for every other text, zone ids and octal or short forms included. */
export function addressBytes(ip: string): Uint8Array | undefined {
  return ip.includes(':') ? bytes6(ip) : bytes4(ip)
}

function bytes4(ip: string): Uint8Array | undefined {
  const parts = ip.split('.')
  if (parts.length !== 4) return undefined
  const bytes = new Uint8Array(4)
  for (let i = 0; i < 4; i++) {
    const part = parts[i]!
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined
    bytes[i] = Number(part)
  }
  return bytes
}

function bytes6(ip: string): Uint8Array | undefined {
  if (ip.length > 45) return undefined
  const halves = ip.split('::')
  if (halves.length > 2) return undefined
  const head = groups(halves[0]!)
  const tail = halves.length === 2 ? groups(halves[1]!) : []
  if (head === undefined || tail === undefined) return undefined
  const missing = 16 - head.length - tail.length
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined
  const bytes = new Uint8Array(16)
  bytes.set(head)
  bytes.set(tail, 16 - tail.length)
  return bytes
}

function groups(text: string): number[] | undefined {
  if (text === '') return []
  const bytes: number[] = []
  const parts = text.split(':')
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!
    if (i === parts.length - 1 && part.includes('.')) {
      const inner = bytes4(part)
      if (inner === undefined) return undefined
      bytes.push(...inner)
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return undefined
      const value = Number.parseInt(part, 16)
      bytes.push(value >> 8, value & 0xff)
    }
  }
  return bytes
}
