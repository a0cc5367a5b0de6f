// Where a client comes from, as far as it is counted and remembered: never more of an address than that needs.
import { addressText } from '../../ground/address-text.ts'
import { addressBytes } from '../../ground/addresses.ts'

/** What the house calls a client on one of its own Unix sockets. */
export const UNIX_CLIENT = 'unix'

export interface ClientNetwork {
  /** Of this machine: loopback, or a Unix socket. Nobody outside it has such an address. */
  readonly local: boolean
  /** The address in its one canonical spelling; `local`, or `unknown`. */
  readonly address: string
  /** What limits count by: an IPv4 address, an IPv6 /64. One customer of a provider has at least that. */
  readonly counted: string
  /** What is remembered of an agent: an IPv4 /24, an IPv6 /48. */
  readonly network: string
}

const LOCAL: ClientNetwork = { local: true, address: 'local', counted: 'local', network: 'local' }
/** Everybody whose address is not known is counted together: a peer that is gone at once is no way around a limit. */
const UNKNOWN: ClientNetwork = { local: false, address: 'unknown', counted: 'unknown', network: 'unknown' }

/** Reads an address as a socket or a trusted proxy gives it. IPv4 inside IPv6 is IPv4; a zone (`%eth0`) does not count. */
export function clientNetwork(text: string): ClientNetwork {
  if (text === UNIX_CLIENT) return LOCAL
  const address = addressText(text.replace(/%[\w.-]{1,32}$/, ''))
  if (address === undefined || address === '0.0.0.0') return UNKNOWN
  if (address === '::1' || address.startsWith('127.')) return LOCAL
  const bytes = addressBytes(address)!
  if (bytes.length === 4) return { local: false, address, counted: address, network: prefix(bytes, 24) }
  return { local: false, address, counted: prefix(bytes, 64), network: prefix(bytes, 48) }
}

function prefix(bytes: Uint8Array, bits: number): string {
  const kept = bytes.map((byte, at) => (at < bits / 8 ? byte : 0))
  if (kept.length === 4) return `${kept.join('.')}/${bits}`
  const groups = Array.from({ length: 8 }, (_, at) => ((kept[at * 2]! << 8) | kept[at * 2 + 1]!).toString(16))
  return `${addressText(groups.join(':'))}/${bits}`
}
