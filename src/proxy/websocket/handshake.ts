// The opening handshake (RFC 6455 §4), each leg by itself: what the caller asked for is judged, asked of the service with a
// key of our own, and its answer judged before the caller gets one. No extension crosses: what is compressed cannot be searched.
import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type Held, heldBy } from '../../http/upgrades.ts'
import { holdsToken } from '../caller-token.ts'
import type { CarriedCall } from '../carry-out.ts'
import { proxyProblem } from '../problems.ts'
import type { ParsedHeaders } from '../response-head.ts'

/** What a caller asked for. */
export interface WebSocketAsked {
  readonly held: Held
  readonly key: string
  /** Subprotocols, as offered (RFC 6455 §1.9). */
  readonly protocols: readonly string[]
}

const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,1024}$/
const MOST_PROTOCOLS = 32
/** Where browsers, which can set no header, say a key: the credential is not the caller's to bring. */
const CREDENTIAL_PROTOCOL = /(?:^|[.-])(?:api-?key|authorization|bearer|access[_-]?token|auth|token|jwt)[.-]/i

/**
 * What is different of a call whose request asks for another protocol; undefined for most. A WebSocket that is asked for in
 * another way than the standard's is any other protocol: refused by the gate, on record. Throws Problem `token_misplaced`.
 */
export function upgradeOf(
  request: IncomingMessage,
): Pick<CarriedCall, 'protocol' | 'webSocket' | 'body' | 'told' | 'toldOfDenial'> | undefined {
  const { upgrade, connection } = request.headers
  // What `Connection` does not name asks for nothing (RFC 9110 §7.8), and is left behind.
  if (upgrade === undefined || !/(?:^|[,\s])upgrade(?:$|[,\s])/i.test(connection ?? '')) return undefined
  const [held, key, protocols] = [heldBy(request), keyOf(request), protocolsOf(request)]
  if (held === undefined || key === undefined || protocols === undefined)
    return { protocol: 'other', body: undefined, toldOfDenial: () => asOther }
  const webSocket = { held, key, protocols }
  return { protocol: 'websocket', body: undefined, webSocket, told: asWebSocket, toldOfDenial: () => asWebSocket }
}

const asWebSocket = Object.freeze({ upgrade: 'websocket' })
/** Its name is the caller's to write. */
const asOther = Object.freeze({ upgrade: 'other' })

/** 16 bytes, once, of the version that there is (RFC 6455 §4.2.1). */
function keyOf({ rawHeaders, headers }: IncomingMessage): string | undefined {
  const keys = valuesOf(rawHeaders, 'sec-websocket-key')
  const key = keys[0]?.trim() ?? ''
  return keys.length === 1 && KEY.test(key) && headers['sec-websocket-version'] === '13' ? key : undefined
}

/** A list of different names. */
function protocolsOf({ rawHeaders }: IncomingMessage): string[] | undefined {
  const offers = valuesOf(rawHeaders, 'sec-websocket-protocol').flatMap((value) => value.split(','))
  const names = offers.map((offer) => offer.trim())
  if (names.some(holdsToken)) throw proxyProblem('token_misplaced', { detail: 'It stands in Sec-WebSocket-Protocol.' })
  const fit = names.every((name) => TOKEN.test(name)) && new Set(names).size === names.length
  return fit && names.length <= MOST_PROTOCOLS ? names.filter((name) => !CREDENTIAL_PROTOCOL.test(name)) : undefined
}

function valuesOf(rawHeaders: readonly string[], wanted: string): string[] {
  const values: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2)
    if ((rawHeaders[at] as string).toLowerCase() === wanted) values.push(rawHeaders[at + 1] as string)
  return values
}

/** One try of it with the service. */
export class ServiceHandshake {
  readonly #key = randomBytes(16).toString('base64')
  readonly #protocols: readonly string[]

  constructor({ protocols }: WebSocketAsked) {
    this.#protocols = protocols
  }

  /** Names and values by turns; `Upgrade` and `Connection` are the connection's. */
  get headers(): string[] {
    const headers = ['sec-websocket-key', this.#key, 'sec-websocket-version', '13']
    if (this.#protocols.length > 0) headers.push('sec-websocket-protocol', this.#protocols.join(', '))
    return headers
  }

  /** The subprotocol that the service chose, if it did. Throws Problem `upstream_handshake` for an answer that is not right. */
  accepted(headers: ParsedHeaders): string | undefined {
    const { upgrade, 'sec-websocket-accept': accept, 'sec-websocket-protocol': protocol } = headers
    if (typeof upgrade !== 'string' || upgrade.toLowerCase() !== 'websocket') throw wrong('Upgrade')
    if (accept !== acceptOf(this.#key)) throw wrong('Sec-WebSocket-Accept')
    if (headers['sec-websocket-extensions'] !== undefined) throw wrong('Sec-WebSocket-Extensions')
    if (protocol === undefined) return undefined
    if (typeof protocol !== 'string' || !this.#protocols.includes(protocol)) throw wrong('Sec-WebSocket-Protocol')
    return protocol
  }
}

const wrong = (header: string) => proxyProblem('upstream_handshake', { detail: `It is ${header}.` })

/** Said to the caller. `passed` are headers of the service's answer, names and values by turns. */
export function switching(key: string, protocol: string | undefined, passed: readonly string[]): string {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'upgrade: websocket', 'connection: Upgrade']
  lines.push(`sec-websocket-accept: ${acceptOf(key)}`)
  if (protocol !== undefined) lines.push(`sec-websocket-protocol: ${protocol}`)
  for (let at = 0; at < passed.length; at += 2) lines.push(`${passed[at]}: ${passed[at + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** RFC 6455 §4.2.2. */
function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}
