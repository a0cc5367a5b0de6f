import { createHash } from 'node:crypto'

const HANDSHAKE = 22
const SERVER_HELLO = 2
/** In a ServerHello that asks for another hello, in place of what is random (RFC 8446 §4.1.3). */
const RETRY = createHash('sha256').update('HelloRetryRequest').digest()
/** The record's header, the message's, and the version. */
const RANDOM_AT = 5 + 4 + 2

/** Whether a server's first bytes ask the client to say its hello anew; undefined while they are too few to tell. */
export function asksAgain(bytes: Buffer): boolean | undefined {
  if ((bytes[0] ?? HANDSHAKE) !== HANDSHAKE || (bytes[5] ?? SERVER_HELLO) !== SERVER_HELLO) return false
  const end = RANDOM_AT + RETRY.length
  return bytes.length < end ? undefined : bytes.subarray(RANDOM_AT, end).equals(RETRY)
}
