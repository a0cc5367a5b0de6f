/**
 * The name that a client's first message of TLS says (RFC 8446 §4.1.2, RFC 6066 §3), read from the first bytes of a connection:
 * `more` while it is not all there, `none` for one without a name, `not_tls` for what is no such message.
 */
export type ServerName = 'more' | 'none' | 'not_tls' | { readonly name: string }

const MOST_BYTES = 32 * 1024
const HANDSHAKE = 22
const CLIENT_HELLO = 1
const SERVER_NAME = 0

export function serverName(bytes: Buffer): ServerName {
  try {
    const hello = helloOf(bytes)
    if (hello === undefined) return bytes.length < MOST_BYTES ? 'more' : 'not_tls'
    return nameIn(hello)
  } catch {
    // Something reached beyond the end of what it stood in.
    return 'not_tls'
  }
}

/** The message, put together from its records; undefined while there are not enough. */
function helloOf(bytes: Buffer): Buffer | undefined {
  const pieces: Buffer[] = []
  let have = 0
  let wanted = 4
  for (let at = 0; at < bytes.length && at < MOST_BYTES; ) {
    if (bytes[at] !== HANDSHAKE || (bytes[at + 1] ?? 3) !== 3) throw new Error('no handshake')
    if (at + 5 > bytes.length) return undefined
    const length = bytes.readUInt16BE(at + 3)
    // RFC 8446 §5.1: no record of nothing.
    if (length === 0) throw new Error('no handshake')
    const piece = bytes.subarray(at + 5, at + 5 + length)
    if (have === 0 && (piece[0] ?? CLIENT_HELLO) !== CLIENT_HELLO) throw new Error('no ClientHello')
    pieces.push(piece)
    have += piece.length
    if (wanted === 4 && have >= 4) wanted = 4 + Buffer.concat(pieces).readUIntBE(1, 3)
    if (have >= 4 && have >= wanted) return Buffer.concat(pieces).subarray(4, wanted)
    if (piece.length < length) return undefined
    at += 5 + length
  }
  return undefined
}

function nameIn(hello: Buffer): ServerName {
  // Version and random.
  let at = 34
  at += 1 + hello.readUInt8(at) // session
  at += 2 + hello.readUInt16BE(at) // cipher suites
  at += 1 + hello.readUInt8(at) // compression
  if (at === hello.length) return 'none'
  const end = at + 2 + hello.readUInt16BE(at)
  if (end !== hello.length) return 'not_tls'
  for (at += 2; at < end; ) {
    const type = hello.readUInt16BE(at)
    const next = at + 4 + hello.readUInt16BE(at + 2)
    if (next > end) return 'not_tls'
    if (type === SERVER_NAME) return nameOf(hello.subarray(at + 4, next))
    at = next
  }
  return 'none'
}

/** A list of exactly one, as every client sends it. */
function nameOf(list: Buffer): ServerName {
  const length = list.readUInt16BE(3)
  if (list.readUInt16BE(0) !== list.length - 2 || list[2] !== 0 || 5 + length !== list.length) return 'not_tls'
  return { name: list.subarray(5).toString('latin1').toLowerCase() }
}
