/**
 * The name that a client's first message of TLS says (RFC 8446 §4.1.2, RFC 6066 §3): `none` for one without a name, `not_tls` for
 * what is no such message, or says a name in a way in which two readers could read two.
 */
export type ServerName = 'none' | 'not_tls' | { readonly name: string }

const SERVER_NAME = 0

/** `hello`: the message without its header. Throws where something reaches beyond its end. */
export function nameIn(hello: Buffer): ServerName {
  // Version and random.
  let at = 34
  at += 1 + hello.readUInt8(at) // session
  at += 2 + hello.readUInt16BE(at) // cipher suites
  at += 1 + hello.readUInt8(at) // compression
  if (at === hello.length) return 'none'
  const end = at + 2 + hello.readUInt16BE(at)
  if (end !== hello.length) return 'not_tls'
  let said: ServerName = 'none'
  for (at += 2; at < end; ) {
    const type = hello.readUInt16BE(at)
    const next = at + 4 + hello.readUInt16BE(at + 2)
    if (next > end) return 'not_tls'
    if (type === SERVER_NAME) {
      // RFC 8446 §4.2: no extension twice. Which of two counts, each server says for itself.
      if (said !== 'none') return 'not_tls'
      said = nameOf(hello.subarray(at + 4, next))
    }
    at = next
  }
  return said
}

/** A list of exactly one, as every client sends it. */
function nameOf(list: Buffer): ServerName {
  const length = list.readUInt16BE(3)
  if (list.readUInt16BE(0) !== list.length - 2 || list[2] !== 0 || 5 + length !== list.length) return 'not_tls'
  return { name: list.subarray(5).toString('latin1').toLowerCase() }
}
